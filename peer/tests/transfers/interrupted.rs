//! Transfers that are held, cut or ended in the middle.

use std::path::{Path, PathBuf};

use twocan_peer::api::{ErrorCode, TransferId, TransferState};

use super::gate::Gate;
use super::{MIB, Side, asking, friends, gated, names, nothing_is_left, same};

const LARGE: u64 = 64 * MIB;
/// In the buffers of sockets and of the gate when a connection is cut.
const IN_FLIGHT: u64 = 20 * MIB;

/// A transfer from `a` to `b` that has come about half way and is held there.
async fn half_way(a: &Side, b: &mut Side, gate: &Gate) -> (TransferId, PathBuf) {
    gate.allow(LARGE / 2);
    let file = a.file("large.bin", LARGE);
    let id = a.engine.file_send(b.id, &file).await.unwrap();
    b.come_to(id, LARGE / 4).await;
    (id, file)
}

async fn whole(id: TransferId, file: &Path, a: &mut Side, b: &mut Side, gate: &Gate) {
    gate.allow(4 * LARGE);
    let arrived = b.state(id, TransferState::Done).await;
    a.state(id, TransferState::Done).await;
    assert!(same(file, Path::new(&arrived.path.unwrap())));
    assert_eq!(names(&b.downloads()), ["large.bin"]);
    let passed = gate.passed();
    assert!(
        passed < LARGE + IN_FLIGHT,
        "{passed} bytes for {LARGE}: it began again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_goes_on_where_it_stopped() {
    let (mut a, mut b, gate) = gated().await;
    let (id, file) = half_way(&a, &mut b, &gate).await;
    gate.cut();
    whole(id, &file, &mut a, &mut b, &gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_ended_takes_the_transfer_with_it_until_the_next() {
    let (mut a, mut b, gate) = gated().await;
    let (id, file) = half_way(&a, &mut b, &gate).await;
    a.engine.disconnect(b.id).await.unwrap();
    b.state(id, TransferState::Accepted).await;
    a.engine.connect(&gate.address.to_string()).await.unwrap();
    whole(id, &file, &mut a, &mut b, &gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_receiver_goes_on_where_it_stopped() {
    let (mut a, mut b, gate) = gated().await;
    let (id, file) = half_way(&a, &mut b, &gate).await;
    let mut b = b.again().await;
    assert!(b.transfer(id).await.done >= LARGE / 4);
    gate.lead_to(b.address.parse().unwrap());
    whole(id, &file, &mut a, &mut b, &gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_sender_goes_on_where_it_stopped() {
    let (a, mut b, gate) = gated().await;
    let (id, file) = half_way(&a, &mut b, &gate).await;
    let mut a = a.again().await;
    whole(id, &file, &mut a, &mut b, &gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_pauses_and_goes_on() {
    let (mut a, mut b, gate) = gated().await;
    let (id, file) = half_way(&a, &mut b, &gate).await;
    a.engine.file_pause(id).await.unwrap();
    b.reason(id, "paused by the other side").await;
    assert_eq!(
        b.engine.file_resume(id).await.unwrap_err().code,
        ErrorCode::Conflict
    );
    a.engine.file_resume(id).await.unwrap();
    b.state(id, TransferState::Running).await;
    b.engine.file_pause(id).await.unwrap();
    a.reason(id, "paused by the other side").await;
    // A pause outlives its program.
    let mut a = a.again().await;
    b.linked().await;
    assert_eq!(a.transfer(id).await.state, TransferState::Paused);
    b.engine.file_resume(id).await.unwrap();
    whole(id, &file, &mut a, &mut b, &gate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_cancels_and_nothing_is_left() {
    for by_sender in [true, false] {
        let (mut a, mut b, gate) = gated().await;
        let (id, _) = half_way(&a, &mut b, &gate).await;
        let by = if by_sender { &a } else { &b };
        by.engine.file_cancel(id).await.unwrap();
        a.state(id, TransferState::Cancelled).await;
        b.state(id, TransferState::Cancelled).await;
        nothing_is_left(&b.downloads()).await;
        assert_eq!(
            a.engine.file_resume(id).await.unwrap_err().code,
            ErrorCode::Conflict
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_changes_or_vanishes_fails_with_a_reason() {
    let (mut a, mut b) = asking().await;
    let file = a.file("a.txt", 100);
    for (vanish, reason) in [(false, "has changed"), (true, "no longer there")] {
        let id = a.engine.file_send(b.id, &file).await.unwrap();
        b.state(id, TransferState::Offered).await;
        if vanish {
            std::fs::remove_file(&file).unwrap();
        } else {
            std::fs::write(&file, "other").unwrap();
        }
        b.engine.file_accept(id, None).await.unwrap();
        let here = a.state(id, TransferState::Failed).await.reason.unwrap();
        let there = b.state(id, TransferState::Failed).await.reason.unwrap();
        assert!(
            here.contains(reason) && there.contains(reason),
            "{here}; {there}"
        );
        assert!(
            !here.contains('/') && !there.contains('/'),
            "{here}; {there}"
        );
    }
    nothing_is_left(&b.downloads()).await;
    assert_eq!(
        a.engine.file_send(b.id, &file).await.unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_holds_the_transfer_until_it_can() {
    let (mut a, mut b) = asking().await;
    let file = a.file("a.txt", 100);
    // A file where the folder should be, as root may write anywhere else.
    let blocked = b.folder.path().join("blocked");
    std::fs::write(&blocked, "").unwrap();
    let id = a.engine.file_send(b.id, &file).await.unwrap();
    b.state(id, TransferState::Offered).await;
    b.engine.file_accept(id, Some(&blocked)).await.unwrap();
    let held = b.state(id, TransferState::Paused).await.reason.unwrap();
    assert!(held.contains("then resume"), "{held}");
    let there = a.state(id, TransferState::Paused).await.reason.unwrap();
    assert!(there.starts_with("the other side says"), "{there}");
    std::fs::remove_file(&blocked).unwrap();
    b.engine.file_resume(id).await.unwrap();
    b.state(id, TransferState::Done).await;
    assert!(same(&file, &blocked.join("a.txt")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_holds_the_transfer_before_it_is_full() {
    let (mut a, mut b) = friends().await;
    let path = a.folder.path().join("huge");
    // Nothing but a hole, larger than any disk this runs on.
    std::fs::File::create(&path)
        .unwrap()
        .set_len(10 << 40)
        .unwrap();
    let id = a.engine.file_send(b.id, &path).await.unwrap();
    let held = b.state(id, TransferState::Paused).await;
    assert!(held.reason.unwrap().contains("the disk is full"));
    a.state(id, TransferState::Paused).await;
    b.engine.file_cancel(id).await.unwrap();
    a.state(id, TransferState::Cancelled).await;
}
