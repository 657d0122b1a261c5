//! Asking several registries at once, so that none is waited for longer than
//! it is worth.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, sleep_until};
use twocan_proto::registry_url::RegistryUrl;

use crate::api::{Error, ErrorCode};
use crate::registry::RegistryClient;

/// How long the others may still take once one has answered.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// A registry to ask.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) url: RegistryUrl,
    pub(super) client: RegistryClient,
    /// It did not answer lately: asked all the same, but not waited for.
    pub(super) is_down: bool,
}

/// What one of them said.
pub(super) type Said<T> = (RegistryUrl, Result<T, Error>);

/// Asks all of `asked` side by side; gives what they said, in their order.
/// Once one has answered the others have [`STRAGGLERS`], those that are down
/// nothing, and nobody is waited for when an answer is `enough`.
pub(super) async fn ask_all<T, F>(
    asked: Vec<Asked>,
    ask: impl Fn(RegistryClient) -> F,
    enough: impl Fn(&T) -> bool,
) -> Vec<Said<T>>
where
    F: Future<Output = Result<T, Error>>,
{
    let mut said: Vec<(RegistryUrl, Option<Result<T, Error>>)> = Vec::new();
    let mut open = FuturesUnordered::new();
    let mut expected = 0_usize;
    for (
        at,
        Asked {
            url,
            client,
            is_down,
        },
    ) in asked.into_iter().enumerate()
    {
        said.push((url, None));
        expected += usize::from(!is_down);
        let answer = ask(client);
        open.push(async move { (at, is_down, answer.await) });
    }
    let mut until: Option<Instant> = None;
    while expected > 0 || until.is_none() {
        let late = sleep_until(until.unwrap_or_else(Instant::now));
        tokio::select! {
            next = open.next() => {
                let Some((at, is_down, answer)) = next else { break };
                expected -= usize::from(!is_down);
                if !is_silence(&answer) {
                    until.get_or_insert_with(|| Instant::now() + STRAGGLERS);
                }
                let is_enough = answer.as_ref().is_ok_and(&enough);
                if let Some((_, place)) = said.get_mut(at) {
                    *place = Some(answer);
                }
                if is_enough {
                    break;
                }
            }
            () = late, if until.is_some() => break,
        }
    }
    let late = || {
        Error::new(
            ErrorCode::Unreachable,
            "the registry has not answered in time",
        )
    };
    said.into_iter()
        .map(|(url, answer)| (url, answer.unwrap_or_else(|| Err(late()))))
        .collect()
}

fn is_silence<T>(answer: &Result<T, Error>) -> bool {
    matches!(answer, Err(error) if error.code == ErrorCode::Unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, is_down: bool) -> Asked {
        let url: RegistryUrl = format!("https://{name}").parse().unwrap();
        Asked {
            client: RegistryClient::new(&url).unwrap(),
            url,
            is_down,
        }
    }

    /// Each registry answers as its name says: after so many milliseconds.
    async fn after(client: RegistryClient) -> Result<u64, Error> {
        let host = client.base().trim_start_matches("https://ms").to_owned();
        let ms = host.split(':').next().unwrap_or_default().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(ms)
    }

    async fn answers(names: &[(&str, bool)], enough: u64) -> (Vec<Option<u64>>, u128) {
        let all = names.iter().map(|(name, is_down)| asked(name, *is_down));
        let begun = Instant::now();
        let said = ask_all(all.collect(), after, |ms| *ms == enough).await;
        let took = begun.elapsed().as_millis();
        (said.into_iter().map(|(_, said)| said.ok()).collect(), took)
    }

    #[tokio::test]
    async fn one_that_hangs_is_waited_for_a_moment_and_one_that_is_down_not_at_all() {
        let names = [("ms10", false), ("ms900", false), ("ms60000", false)];
        let (said, took) = answers(&names, 0).await;
        assert_eq!(said, [Some(10), Some(900), None]);
        assert!((1_000..5_000).contains(&took), "{took}");
        let (said, took) = answers(&[("ms60000", true), ("ms10", false)], 0).await;
        assert_eq!(said, [None, Some(10)]);
        assert!(took < 900, "{took}");
        let (said, _) = answers(&[("ms200", true)], 0).await;
        assert_eq!(said, [Some(200)], "nobody else is there");
        let (said, took) = answers(&[("ms900", false), ("ms10", false)], 10).await;
        assert_eq!(said, [None, Some(10)]);
        assert!(took < 900, "{took}");
        assert_eq!(answers(&[], 0).await.0, []);
    }
}
