//! The first byte of each record, and the lengths of their fixed parts.

pub(super) const ENTRY: u8 = 1;
pub(super) const LISTED: u8 = 2;
pub(super) const TOTALS: u8 = 3;
pub(super) const RESUMED: u8 = 4;
pub(super) const DATA: u8 = 5;
pub(super) const END: u8 = 6;
pub(super) const FINISHED: u8 = 7;

pub(super) const ENTRY_HEAD: usize = 28;
pub(super) const LISTED_LENGTH: usize = 1;
pub(super) const TOTALS_LENGTH: usize = 17;
pub(super) const RESUMED_LENGTH: usize = 17;
pub(super) const END_HEAD: usize = 19;
pub(super) const FINISHED_LENGTH: usize = 33;

pub(super) const FILE: u8 = 0;
pub(super) const FOLDER: u8 = 1;
pub(super) const LINK: u8 = 2;
pub(super) const STREAM: u8 = 3;

pub(super) const RUN: u8 = 1;
pub(super) const RESUME: u8 = 2;
pub(super) const FAILED: u8 = 3;

pub(super) const RUN_LENGTH: usize = 15;
pub(super) const RESUME_LENGTH: usize = 33;
pub(super) const FAILED_LENGTH: usize = 10;

pub(super) const SEND: u8 = 0;
pub(super) const EQUAL: u8 = 1;
pub(super) const REFUSED: u8 = 2;
