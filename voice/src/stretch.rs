//! Making a frame a little shorter or longer without a click: a piece of the
//! best repeating length is cut out or played twice, with a cross-fade.
//!
//! This is the plain form that keeps a buffer on its target. Full time-scale
//! modification over more than one frame belongs here too.

use std::ops::RangeInclusive;

/// Length of the cross-fade: 5 ms.
const FADE: usize = 240;
/// Lengths tried: 5 ms (above the shortest pitch period, so that whole numbers
/// of periods fit) to 15 ms.
const LAGS: RangeInclusive<usize> = 240..=720;
/// Likeness (normalised correlation) from which on the seam is not heard.
const ALIKE: f32 = 0.9;

/// Shortens a frame in place, by 5 to 15 ms. Unless it `must`, it only does so
/// where the frame repeats itself or is `quiet`. Returns whether it did.
pub(crate) fn shrink(frame: &mut Vec<f32>, quiet: bool, must: bool) -> bool {
    let Some(lag) = find_lag(frame, quiet || must) else {
        return false;
    };
    for i in 0..FADE {
        let weight = i as f32 / FADE as f32;
        frame[i] = frame[i] * (1.0 - weight) + frame[i + lag] * weight;
    }
    frame.drain(FADE..FADE + lag);
    true
}

/// Lengthens a frame in place, by 5 to 15 ms, where the frame repeats itself
/// or is `quiet`. Returns whether it did.
pub(crate) fn expand(frame: &mut Vec<f32>, quiet: bool) -> bool {
    let Some(lag) = find_lag(frame, quiet) else {
        return false;
    };
    let mut longer = Vec::with_capacity(frame.len() + lag);
    longer.extend_from_slice(&frame[..lag]);
    longer.extend((0..FADE).map(|i| {
        let weight = i as f32 / FADE as f32;
        frame[i + lag] * (1.0 - weight) + frame[i] * weight
    }));
    longer.extend_from_slice(&frame[FADE..]);
    *frame = longer;
    true
}

/// The length after which the frame repeats its beginning best; none when it
/// repeats too badly to be used, unless any will do.
fn find_lag(frame: &[f32], any: bool) -> Option<usize> {
    let most = frame.len().checked_sub(FADE)?.min(*LAGS.end());
    let (lag, likeness) = (*LAGS.start()..=most)
        .map(|lag| (lag, likeness(&frame[..FADE], &frame[lag..lag + FADE])))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    (any || likeness >= ALIKE).then_some(lag)
}

fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let (mut product, mut power_a, mut power_b) = (0.0, 1e-9, 1e-9);
    for (x, y) in a.iter().zip(b) {
        product += x * y;
        power_a += x * x;
        power_b += y * y;
    }
    product / f32::sqrt(power_a * power_b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(length: usize) -> Vec<f32> {
        (0..length)
            .map(|i| (i as f32 * std::f32::consts::TAU / 320.0).sin())
            .collect()
    }

    fn steepest(frame: &[f32]) -> f32 {
        frame
            .windows(2)
            .fold(0.0, |most: f32, pair| most.max((pair[1] - pair[0]).abs()))
    }

    #[test]
    fn a_tone_keeps_its_shape_and_ends() {
        let whole = sine(960);
        let mut shorter = whole.clone();
        assert!(shrink(&mut shorter, false, false));
        assert!((240..=720).contains(&(whole.len() - shorter.len())));
        let mut longer = whole.clone();
        assert!(expand(&mut longer, false));
        assert!((240..=720).contains(&(longer.len() - whole.len())));
        for changed in [&shorter, &longer] {
            assert_eq!(changed.last(), whole.last());
            assert!((changed[0] - whole[0]).abs() < 0.01);
            assert!(steepest(changed) < 1.1 * steepest(&whole), "a click");
        }
    }

    #[test]
    fn noise_is_left_alone_unless_it_must_give_way() {
        let mut state = 1_u32;
        let noise: Vec<f32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .take(960)
        .collect();
        let mut frame = noise.clone();
        assert!(!shrink(&mut frame, false, false));
        assert!(!expand(&mut frame, false));
        assert_eq!(frame, noise);
        assert!(shrink(&mut frame, false, true));
        assert!(frame.len() < noise.len());
    }

    #[test]
    fn short_frames_are_left_alone() {
        let mut frame = vec![0.0; 240];
        assert!(!shrink(&mut frame, true, true));
        assert!(!expand(&mut frame, true));
    }
}
