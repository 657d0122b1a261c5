//! The thread that makes every change: in groups, on disk first, then in memory.

use super::{
    BEFORE_RESTORE, Change, Content, CopyError, Job, StoreError, Task, bans, copies, rows,
};
use crate::{
    directory::{Card, Directory},
    limits, now,
};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc::Receiver},
    time::Instant,
};

/// The thread that makes the changes, and what it owns.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) directory: Arc<Directory>,
    pub(super) path: PathBuf,
}

impl Writer {
    pub(super) fn run(mut self, tasks: &Receiver<Task>) {
        while let Ok(first) = tasks.recv() {
            let mut batch = Vec::new();
            let mut next = Some(first);
            let restore = loop {
                match next {
                    Some(Task::Change(job)) => batch.push(*job),
                    Some(Task::Restore { backup, reply }) => break Some((backup, reply)),
                    None => break None,
                }
                next = (batch.len() < limits::WRITE_BATCH)
                    .then(|| tasks.try_recv().ok())
                    .flatten();
            };
            if !batch.is_empty() {
                self.write(batch);
            }
            if let Some((backup, reply)) = restore
                && reply.send(self.restore(&backup)).is_err()
            {
                tracing::debug!("nobody waited for the backup to be brought back");
            }
        }
    }

    fn write(&mut self, batch: Vec<Job>) {
        let begun = Instant::now();
        let outcomes = match commit(&mut self.connection, &batch, &self.directory) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                tracing::error!(%error, "changes could not be written");
                batch.iter().map(|_| Err(rows::reason(&error))).collect()
            }
        };
        self.directory.metrics.committed(begun.elapsed());
        for (job, outcome) in batch.into_iter().zip(outcomes) {
            let outcome = outcome.map(|made| made.apply(job.change, &self.directory));
            if job.reply.is_some_and(|reply| reply.send(outcome).is_err()) {
                tracing::debug!("a client left before its change was made");
            }
        }
    }

    fn restore(&mut self, backup: &Path) -> Result<Content, CopyError> {
        let folder = self.path.parent().unwrap_or_else(|| Path::new("."));
        let mut verified = copies::Verified::of(backup, folder)?;
        let fresh = verified.try_load()?;
        let before = folder.join(BEFORE_RESTORE);
        copies::backup_of(&mut self.connection, &before, now())?;
        copies::bring_back(&mut verified, &mut self.connection)?;
        self.directory.replace_with(fresh);
        Ok(verified.content.clone())
    }
}

/// What a change gave, to be applied once it is on disk.
pub(super) enum Made {
    Account(i64),
    Plain,
}

pub(super) fn commit(
    connection: &mut Connection,
    batch: &[Job],
    directory: &Directory,
) -> rusqlite::Result<Vec<Result<Made, StoreError>>> {
    let mut transaction = connection.transaction()?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for job in batch {
        if job.change.is_stale(directory) {
            outcomes.push(Err(StoreError::Gone));
            continue;
        }
        let savepoint = transaction.savepoint()?;
        let outcome = make(&savepoint, &job.change);
        if outcome.is_ok() {
            savepoint.commit()?;
        }
        outcomes.push(outcome);
    }
    transaction.commit()?;
    Ok(outcomes)
}

fn make(connection: &Connection, change: &Change) -> Result<Made, StoreError> {
    if let Change::Register(account) = change {
        let id = rows::insert_account(connection, account);
        return id.map(Made::Account).map_err(|error| rows::reason(&error));
    }
    let outcome = match change {
        Change::Register(_) => Ok(()),
        Change::Open {
            row,
            arrival,
            opener,
            end,
            ..
        } => rows::open_session(connection, (row, arrival), opener, end),
        Change::Close(id) => rows::delete_session(connection, *id),
        Change::Password {
            member,
            hash,
            link,
            now,
        } => rows::set_password(
            connection,
            member.id,
            hash,
            link.as_ref().map(|l| (l, *now)),
        ),
        Change::Link { token, reset } => rows::insert_reset(connection, token, reset),
        Change::Email { member, email } => rows::set_email(connection, member.id, email.as_ref()),
        Change::Describe {
            member,
            visibility,
            profile,
        } => rows::describe(connection, member.id, *visibility, profile),
        Change::Role { member, role } => rows::set_role(connection, member.id, *role),
        Change::Attempts(strikes) => rows::put_attempts(connection, strikes),
        Change::Delete { account, .. } => rows::delete_account(connection, *account),
        Change::Sweep { seen, now } => {
            rows::sweep(connection, seen, *now).and_then(|()| bans::sweep(connection, *now))
        }
        Change::Ban(ban) => return bans::put(connection, ban).map(|()| Made::Plain),
        Change::Unban(subject) => bans::remove(connection, subject),
    };
    outcome
        .map(|()| Made::Plain)
        .map_err(|error| rows::reason(&error))
}

impl Made {
    fn apply(self, change: Change, directory: &Directory) {
        match (self, change) {
            (Self::Account(id), Change::Register(new)) => directory.add_member(new.into_member(id)),
            (
                _,
                Change::Open {
                    member,
                    row,
                    arrival,
                    end,
                    ..
                },
            ) => {
                directory.open_session(row, &member, arrival);
                end.into_iter().for_each(|id| directory.remove_session(id));
            }
            (_, Change::Close(id)) => directory.remove_session(id),
            (_, Change::Password { member, hash, .. }) => directory.set_password(&member, hash),
            (_, Change::Link { token, reset }) => directory.add_reset(token, reset),
            (_, Change::Email { member, email }) => directory.set_email(&member, email),
            (
                _,
                Change::Describe {
                    member,
                    visibility,
                    profile,
                },
            ) => directory.describe(&member, visibility, Card::new(profile)),
            (_, Change::Role { member, role }) => directory.set_role(&member, role),
            (_, Change::Delete { username, account }) => {
                directory.remove_member(&username, account);
            }
            (_, Change::Sweep { now, .. }) => {
                directory.remove_expired(now);
                directory.bans.remove_ended(now);
            }
            (_, Change::Ban(ban)) => {
                let subject = ban.subject.clone();
                directory.bans.put(ban);
                directory.put_offline(&subject);
            }
            (_, Change::Unban(subject)) => directory.bans.remove(&subject),
            (_, Change::Attempts(_)) | (Self::Plain, Change::Register(_)) => {}
        }
    }
}
