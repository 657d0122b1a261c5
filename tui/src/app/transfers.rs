//! Files on their way, as the interface knows them.

use twocan_peer::api::{Transfer, TransferId, TransferState};
use twocan_proto::identity::PeerId;

/// Transfers held at most; the oldest that are over go first.
const MOST: usize = 500;

/// All transfers, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Transfers {
    all: Vec<Transfer>,
}

impl Transfers {
    /// Takes the list as the engine has it.
    pub(crate) fn take_all(&mut self, all: Vec<Transfer>) {
        self.all = all;
    }

    /// Takes a transfer as it stands now; returns how it stood before.
    pub(crate) fn take(&mut self, transfer: Transfer) -> Option<TransferState> {
        let known = self
            .all
            .iter_mut()
            .find(|t| t.transfer == transfer.transfer);
        if let Some(known) = known {
            let before = known.state;
            *known = transfer;
            return Some(before);
        }
        self.all.push(transfer);
        if self.all.len() > MOST {
            let over = self.all.iter().position(|t| t.state.is_over());
            self.all.remove(over.unwrap_or(0));
        }
        None
    }

    /// The newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Transfer> {
        self.all.iter().rev()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn get(&self, id: TransferId) -> Option<&Transfer> {
        self.all.iter().find(|t| t.transfer == id)
    }

    /// Those with a contact that are not over, the newest first.
    pub(crate) fn under_way(&self, with: PeerId) -> impl Iterator<Item = &Transfer> {
        self.newest_first()
            .filter(move |t| t.contact == with && !t.state.is_over())
    }
}

/// Bytes in the largest unit that leaves a number to read.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} B");
    }
    let mut value = count as f64;
    let mut unit = UNITS[0];
    for next in UNITS {
        value /= 1000.0;
        unit = next;
        if value < 999.5 {
            break;
        }
    }
    if value < 9.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// How much of it is there, 0 to 100.
pub(crate) fn percent(transfer: &Transfer) -> u64 {
    let (done, size) = (u128::from(transfer.done), u128::from(transfer.size.max(1)));
    let part = if transfer.size == 0 {
        100
    } else {
        done * 100 / size
    };
    u64::try_from(part.min(100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1_000), "1.0 KB");
        assert_eq!(bytes(182_000), "182 KB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(430_000_000), "430 MB");
        assert_eq!(bytes(u64::MAX), "18446744 TB");
    }
}
