//! Files on their way: the list of all, and those of the open conversation
//! below its messages.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use twocan_peer::api::{Transfer, TransferState, Trust};

use super::draw::{line, paragraph, put, put_all, put_ends, span};
use super::marks::mark_row;
use super::theme::Theme;
use super::window::window;
use super::wrap;
use crate::app::State;
use crate::app::transfers::{bytes, percent};

/// Rows of one transfer in the list.
const ROWS: usize = 2;
/// Cells of a bar.
const BAR: u64 = 20;

/// The list of all transfers.
pub(super) fn draw(state: &State, selected: usize, theme: Theme, buf: &mut Buffer, room: Rect) {
    let hint = "a accept  d decline  p pause  x end  o folder  Esc";
    let size = (92, room.height);
    let inner = window(buf, theme, room, "FILES", hint, size);
    let cells = usize::from(inner.width);
    if state.transfers.len() == 0 {
        let text = "No files yet. /file PATH offers one to the open conversation.";
        put_all(buf, inner, &paragraph(text, cells, "", theme.dim()));
        return;
    }
    // On small screens the border says no keys.
    let keys = u16::from(room.width < 60 && inner.height > 4);
    let list = Rect {
        height: inner.height - keys,
        ..inner
    };
    let fit = (usize::from(list.height) / ROWS).max(1);
    let from = (selected + 1).saturating_sub(fit);
    let shown = state.transfers.newest_first().enumerate().skip(from);
    for (place, (at, transfer)) in shown.take(fit).enumerate() {
        let y = u16::try_from(place * ROWS).unwrap_or(u16::MAX);
        let mut head = head(state, transfer, theme, cells.saturating_sub(2));
        let mark = if at == selected {
            theme.signs.chosen
        } else {
            " "
        };
        head.spans
            .insert(0, span(format!("{mark} "), theme.accent()));
        if at == selected {
            head.style = theme.chosen();
        }
        put(buf, list, y, &head);
        let below = Rect {
            x: list.x + 4.min(list.width),
            width: list.width.saturating_sub(4),
            ..list
        };
        put(buf, below, y + 1, &progress(transfer, theme));
        let both = Rect {
            y: list.y + y,
            height: 2,
            ..list
        };
        mark_row(buf, both.intersection(list), at);
    }
    let text = "a accept d decline p pause x end o open";
    put(buf, inner, list.height, &line(text, theme.dim()));
}

/// Those of the open conversation that are not over.
pub(super) fn strip(state: &State, theme: Theme, buf: &mut Buffer, area: Rect) {
    let Some(open) = state.open else { return };
    for (y, transfer) in (0..area.height).zip(state.transfers.under_way(open)) {
        let text = format!("[file] {} {}", transfer.name, bytes(transfer.size));
        let word = match (transfer.state, transfer.outgoing) {
            (TransferState::Offered, false) => "/get or /refuse".to_owned(),
            (TransferState::Running, _) => running(transfer),
            _ => state_word(transfer).to_owned(),
        };
        let ends = [&line(text, theme.text()), &line(word, theme.warn())];
        put_ends(buf, area, y, ends, theme.signs.cut);
    }
}

fn head(state: &State, transfer: &Transfer, theme: Theme, cells: usize) -> Line<'static> {
    let (arrow, way) = if transfer.outgoing {
        (theme.signs.going, "to")
    } else {
        (theme.signs.coming, "from")
    };
    let mut facts = format!(
        "  {}  {way} {}",
        bytes(transfer.size),
        state.name_of(transfer.contact)
    );
    if transfer.folder {
        facts.push_str(&format!("  {} files", transfer.files));
    }
    let offered = transfer.state == TransferState::Offered && !transfer.outgoing;
    let unsure = state
        .contacts
        .get(&transfer.contact)
        .is_none_or(|c| c.trust != Trust::Verified);
    if offered && unsure {
        facts.push_str("  NOT VERIFIED");
    }
    let room = cells.saturating_sub(wrap::width(&facts) + 2).max(8);
    Line::from(vec![
        span(format!("{arrow} "), theme.accent()),
        span(
            wrap::truncate(&transfer.name, room, theme.signs.cut),
            theme.heading(),
        ),
        span(facts, theme.dim()),
    ])
}

/// The bar while bytes are missing, else what became of it.
fn progress(transfer: &Transfer, theme: Theme) -> Line<'static> {
    let word = state_word(transfer);
    let mut spans = Vec::new();
    match transfer.state {
        TransferState::Running | TransferState::Paused | TransferState::Accepted => {
            let full = percent(transfer) * BAR / 100;
            let cell = |at| {
                if at < full {
                    theme.signs.eighths.last().copied().unwrap_or("#")
                } else {
                    theme.signs.empty
                }
            };
            let bar: String = (0..BAR).map(cell).collect();
            spans.push(span(bar, theme.good()));
            let text = if transfer.state == TransferState::Running {
                running(transfer)
            } else {
                format!("{} %  {word}", percent(transfer))
            };
            spans.push(span(format!(" {text}"), theme.text()));
        }
        TransferState::Done => spans.push(span(word, theme.good())),
        TransferState::Failed => spans.push(span(word, theme.bad())),
        _ => spans.push(span(word, theme.warn())),
    }
    let after = match (transfer.state, &transfer.reason, &transfer.path) {
        (TransferState::Done, _, Some(path)) if !transfer.outgoing => Some(path),
        (_, Some(reason), _) => Some(reason),
        _ => None,
    };
    spans.extend(after.map(|text| span(format!("  {text}"), theme.dim())));
    if let (TransferState::Done, Some(hash)) = (transfer.state, &transfer.blake3) {
        let short: String = hash.chars().take(8).collect();
        spans.push(span(format!("  blake3 {short} matches"), theme.dim()));
    }
    Line::from(spans)
}

/// How far, how fast, how long.
fn running(transfer: &Transfer) -> String {
    let left = transfer
        .eta_s
        .map_or_else(String::new, |s| format!("  {}:{:02} left", s / 60, s % 60));
    format!("{} %  {}/s{left}", percent(transfer), bytes(transfer.rate))
}

fn state_word(transfer: &Transfer) -> &'static str {
    match (transfer.state, transfer.outgoing) {
        (TransferState::Offered, true) => "offered, no answer yet",
        (TransferState::Offered, false) => "offered: a accepts, d declines",
        (TransferState::Accepted, _) => "waiting",
        (TransferState::Running, _) => "running",
        (TransferState::Paused, _) => "paused",
        (TransferState::Done, _) => "done",
        (TransferState::Rejected, true) => "not wanted",
        (TransferState::Rejected, false) => "declined",
        (TransferState::Failed, _) => "failed",
        (TransferState::Cancelled, _) => "ended",
    }
}
