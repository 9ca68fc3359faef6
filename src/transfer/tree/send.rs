//! The sender's loop: list, take answers, send what is wanted.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use nix::errno::Errno;

use super::chunk::Chunks;
use super::contents::Contents;
use super::count::Count;
use super::outlet::{Outlet, TreeCounts, TreeEvent};
use super::roots::Roots;
use super::walk::{Found, Item, Walk};
use super::{Ended, Finished, Stop, Tree};
use crate::error::Error;
use crate::protocol::transfer::manifest::{
    Answer, Kind, SECTION_ENTRIES, SenderState, Status, Totals, Violation,
};

/// Paths that are remembered after their entries have ended, for what the receiver says late.
const RECENT: usize = 1_024;

pub(super) struct Sending<'a, O> {
    tree: &'a Tree,
    pub(super) counts: Arc<TreeCounts>,
    pub(super) chunks: Chunks<'a, O>,
    pub(super) state: SenderState,
    pub(super) scratch: Vec<u8>,
    answers: Vec<u8>,
    walk: Walk,
    is_walked: bool,
    /// Found and not listed: folders that are arguments, until it is sure that not everything is
    /// excluded.
    held: VecDeque<Item>,
    has_found: bool,
    /// Listed and not done, and the index of the first.
    pending: VecDeque<Rc<Item>>,
    first: u64,
    /// Wanted entries that failed at the receiver and were not ended yet.
    failed: VecDeque<u64>,
    recent: VecDeque<(u64, Vec<u8>)>,
    unlisted: u64,
    /// Entries and bytes found.
    found: (u64, u64),
    count: Option<Count>,
    has_sent_totals: bool,
}

impl<'a, O: Outlet> Sending<'a, O> {
    pub(super) fn new(tree: &'a Tree, outlet: &'a mut O) -> Self {
        Self {
            tree,
            counts: tree.counts(),
            chunks: Chunks::new(outlet),
            state: SenderState::new(),
            scratch: Vec::new(),
            answers: Vec::new(),
            walk: Walk::new(Arc::clone(&tree.roots), Arc::clone(&tree.exclude)),
            is_walked: false,
            held: VecDeque::new(),
            has_found: false,
            pending: VecDeque::new(),
            first: 0,
            failed: VecDeque::new(),
            recent: VecDeque::new(),
            unlisted: 0,
            found: (0, 0),
            count: None,
            has_sent_totals: false,
        }
    }

    pub(super) fn roots(&self) -> Arc<Roots> {
        Arc::clone(&self.tree.roots)
    }

    pub(super) fn run(mut self) -> Ended<Finished> {
        loop {
            self.take_answers(false)?;
            self.list()?;
            self.send_totals()?;
            if let Some((_, answer)) = self.state.poll_answer() {
                self.answered(answer)?;
                // As many as are known, before more is listed.
                while let Some((_, answer)) = self.state.poll_answer() {
                    self.answered(answer)?;
                }
                continue;
            }
            if self.is_walked && self.held.is_empty() && self.state.is_idle() {
                break;
            }
            if self.must_wait() {
                self.chunks.flush();
                self.take_answers(true)?;
            }
        }
        let finished = self.state.finish(self.unlisted, &mut self.scratch);
        self.chunks.append(&mut self.scratch)?;
        self.chunks.flush();
        self.chunks.outlet.complete();
        let event = TreeEvent::Finished(finished);
        self.chunks.outlet.on_event(event);
        // The receiver can still find that it could not store something.
        loop {
            match self.take_answers(true) {
                Ok(_) => {}
                Err(Stop::Over) => return Ok(finished),
                Err(stop) => return Err(stop),
            }
        }
    }

    fn must_wait(&self) -> bool {
        (self.is_walked && self.held.is_empty()) || !self.state.may_list()
    }

    /// Takes what the receiver has said; returns whether the entry that is being sent has failed
    /// there.
    pub(super) fn take_answers(&mut self, wait: bool) -> Ended<bool> {
        if !self.chunks.outlet.answers(wait, &mut self.answers) {
            return Err(Stop::Over);
        }
        self.state.handle_answers(&self.answers)?;
        self.answers.clear();
        while let Some((entry, reason)) = self.state.poll_failure() {
            if entry >= self.first {
                self.failed.push_back(entry);
            }
            let path = self.path(entry);
            TreeCounts::add(&self.counts.failed, 1);
            self.chunks.outlet.on_event(TreeEvent::Refused {
                entry,
                path,
                reason,
            });
        }
        Ok(self.failed.front() == Some(&self.first))
    }

    /// The path of an entry, if it is remembered.
    fn path(&self, entry: u64) -> Vec<u8> {
        let pending = entry.checked_sub(self.first);
        let pending = pending.and_then(|at| self.pending.get(usize::try_from(at).ok()?));
        let recent = || self.recent.iter().find(|(index, _)| *index == entry);
        match pending {
            Some(item) => item.entry.path.clone(),
            None => recent().map(|(_, path)| path.clone()).unwrap_or_default(),
        }
    }

    /// Lists up to a section more, as far as the receiver may be ahead.
    fn list(&mut self) -> Ended<()> {
        for _ in 0..SECTION_ENTRIES {
            if !self.state.may_list() {
                self.count_ahead();
                return Ok(());
            }
            if self.has_found
                && let Some(item) = self.held.pop_front()
            {
                self.list_item(item)?;
                continue;
            }
            if self.is_walked {
                self.state.end_section(&mut self.scratch);
                return self.chunks.append(&mut self.scratch);
            }
            match self.walk.next() {
                Some(found) => self.on_found(found)?,
                None => return self.on_walked(),
            }
        }
        Ok(())
    }

    fn on_found(&mut self, found: Found) -> Ended<()> {
        match found {
            Found::Item(item) => {
                self.found.0 += 1;
                if let Kind::File { size } = item.entry.kind {
                    self.found.1 = self.found.1.saturating_add(size);
                }
                let is_root = item.entry.kind == Kind::Folder && !item.entry.path.contains(&b'/');
                if self.has_found || !is_root {
                    self.has_found = true;
                    if self.held.is_empty() {
                        return self.list_item(item);
                    }
                }
                self.held.push_back(item);
                Ok(())
            }
            Found::Skipped { path, what } => {
                self.chunks
                    .outlet
                    .on_event(TreeEvent::Skipped { path, what });
                Ok(())
            }
            Found::Unlisted { path, errno } => {
                self.unlisted(path, errno);
                Ok(())
            }
        }
    }

    fn unlisted(&mut self, path: Vec<u8>, errno: Errno) {
        self.unlisted += 1;
        let shown = String::from_utf8_lossy(&path).into_owned();
        let error = Error::os("read", shown, errno.into());
        self.chunks
            .outlet
            .on_event(TreeEvent::Unlisted { path, error });
    }

    /// The end of the walk: the totals are known.
    fn on_walked(&mut self) -> Ended<()> {
        if !self.has_found && self.walk.excluded() > 0 {
            let error = Error::invalid("send", "anything", "--exclude leaves out everything");
            return Err(Stop::Error(
                error.with_remedy("a name without a slash matches at any depth"),
            ));
        }
        self.is_walked = true;
        self.has_found = true;
        self.count = None;
        self.counts.set_totals(self.found.0, self.found.1);
        self.list()
    }

    fn list_item(&mut self, item: Item) -> Ended<()> {
        match self.state.list(&item.entry, &mut self.scratch) {
            Ok(_) => {
                TreeCounts::add(&self.counts.listed, 1);
                self.pending.push_back(Rc::new(item));
                self.chunks.append(&mut self.scratch)
            }
            // It did not fit the section, and there may be no other yet.
            Err(Violation::TooManySections) => {
                self.held.push_front(item);
                self.chunks.append(&mut self.scratch)
            }
            // The format cannot carry it.
            Err(_) => {
                self.chunks.append(&mut self.scratch)?;
                self.unlisted(item.entry.path, Errno::EINVAL);
                Ok(())
            }
        }
    }

    /// The list has to pause: somebody should know how much is to come.
    fn count_ahead(&mut self) {
        if self.count.is_none() && !self.is_walked && self.counts.totals().is_none() {
            let (roots, exclude) = (Arc::clone(&self.tree.roots), Arc::clone(&self.tree.exclude));
            self.count = Count::start(Walk::new(roots, exclude), Arc::clone(&self.counts));
        }
    }

    fn send_totals(&mut self) -> Ended<()> {
        if !self.has_sent_totals
            && let Some((entries, bytes)) = self.counts.totals()
        {
            self.has_sent_totals = true;
            self.state
                .totals(Totals { entries, bytes }, &mut self.scratch);
            self.chunks.append(&mut self.scratch)?;
        }
        Ok(())
    }

    /// Does what the receiver wants with the first entry.
    fn answered(&mut self, answer: Answer) -> Ended<()> {
        let Some(item) = self.pending.front().map(Rc::clone) else {
            return Ok(());
        };
        let size = match item.entry.kind {
            Kind::File { size } => size,
            _ => 0,
        };
        let kept = match answer {
            Answer::Equal => {
                TreeCounts::add(&self.counts.equal, 1);
                TreeCounts::add(&self.counts.bytes, size);
                TreeCounts::add(&self.counts.kept, size);
                self.advance();
                return Ok(());
            }
            Answer::Refused(reason) => {
                TreeCounts::add(&self.counts.failed, 1);
                TreeCounts::add(&self.counts.bytes, size);
                TreeCounts::add(&self.counts.unsent, size);
                let (entry, path) = (self.first, item.entry.path.clone());
                self.chunks.outlet.on_event(TreeEvent::Refused {
                    entry,
                    path,
                    reason,
                });
                self.advance();
                return Ok(());
            }
            Answer::Send => None,
            Answer::Resume { length, digest } => Some((length, digest)),
        };
        let before = self.counts.bytes();
        let known = matches!(item.entry.kind, Kind::File { .. }).then_some(size);
        self.counts.begin(&item.entry.path, known);
        let contents = if self.failed.front() == Some(&self.first) {
            Contents::abandoned()
        } else {
            self.contents(&item, kept)?
        };
        // What failed will not be sent any more.
        let counted = self.counts.bytes() - before;
        let unsent = size.saturating_sub(counted);
        TreeCounts::add(&self.counts.bytes, unsent);
        TreeCounts::add(&self.counts.unsent, unsent);
        self.end(&item, &contents)
    }

    fn end(&mut self, item: &Item, contents: &Contents) -> Ended<()> {
        let (length, status) = (contents.length, contents.status);
        self.state.end(length, status, None, &mut self.scratch);
        self.chunks.append(&mut self.scratch)?;
        // The receiver has reported an abandoned one itself.
        if !matches!(status, Status::Whole | Status::Abandoned) {
            TreeCounts::add(&self.counts.failed, 1);
            self.report(item, contents);
        }
        self.advance();
        Ok(())
    }

    /// The first entry is done.
    fn advance(&mut self) {
        TreeCounts::add(&self.counts.done, 1);
        if let Some(item) = self.pending.pop_front() {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back((self.first, item.entry.path.clone()));
        }
        if self.failed.front() == Some(&self.first) {
            self.failed.pop_front();
        }
        self.first += 1;
    }
}
