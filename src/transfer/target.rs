//! Where the next stream goes.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::store::Store;
use crate::error::{Error, Result};
use crate::protocol::transfer::{Digest, Open};

/// Where streams go.
#[derive(Debug)]
pub enum Target {
    /// One stream, into a file that appears when it is whole; or into what is no regular file (a
    /// FIFO, a device) as it comes.
    File(PathBuf),
    /// One stream, as it comes, into a descriptor: standard output, a pipe.
    Stream(OwnedFd),
    /// Any number of streams, each a file in this folder by the name that its sender gives it.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Whether a file that is there already may be replaced.
        overwrite: bool,
    },
}

/// Where the next stream goes.
pub(super) enum Destination {
    /// Here, if nobody has taken it yet.
    One(Option<Box<Stored>>),
    /// Into a folder.
    Folder {
        path: PathBuf,
        overwrite: bool,
        resume: bool,
    },
}

/// What one stream goes to.
pub(super) struct Stored {
    pub(super) store: Store,
    /// The digest of what is there of it already.
    pub(super) kept: Digest,
    /// What its sender calls it.
    pub(super) name: String,
    /// The file that it becomes.
    pub(super) path: Option<PathBuf>,
}

impl Destination {
    /// Opens what is to be opened before anybody comes.
    pub(super) fn open(target: Target, resume: bool) -> Result<Self> {
        let (store, kept, path) = match target {
            Target::File(path) => {
                let (store, kept) = Store::file(&path, resume)?;
                (store, kept, Some(path))
            }
            Target::Stream(fd) => {
                let store = Store::stream(File::from(fd), "the output")?;
                (store, Digest::default(), None)
            }
            Target::Folder { path, overwrite } => {
                let shown = path.display();
                let metadata = path.metadata();
                let metadata =
                    metadata.map_err(|source| Error::os("receive into", shown, source))?;
                if !metadata.is_dir() {
                    let reason = "it is no folder; -o names a file";
                    return Err(Error::invalid("receive into", path.display(), reason));
                }
                return Ok(Self::Folder {
                    path,
                    overwrite,
                    resume,
                });
            }
        };
        let name = String::new();
        Ok(Self::One(Some(Box::new(Stored {
            store,
            kept,
            name,
            path,
        }))))
    }

    /// What the next stream goes to; in words, why it cannot come.
    pub(super) fn store(&mut self, open: &Open<'_>, id: u64) -> Result<Stored, String> {
        let name = String::from_utf8_lossy(open.name).into_owned();
        match self {
            Self::One(stored) => {
                let stored = stored.take().ok_or("it is busy with another transfer")?;
                Ok(Stored { name, ..*stored })
            }
            Self::Folder {
                path,
                overwrite,
                resume,
            } => {
                let path = path.join(safe_name(&name, id));
                if !*overwrite && path.symlink_metadata().is_ok() {
                    return Err("there is a file of that name already".to_owned());
                }
                let (store, kept) =
                    Store::file(&path, *resume).map_err(|error| error.to_string())?;
                Ok(Stored {
                    store,
                    kept,
                    name,
                    path: Some(path),
                })
            }
        }
    }
}

/// A name for a file in a folder and nowhere else, made of one that a stranger gave.
fn safe_name(name: &str, id: u64) -> String {
    let last = Path::new(name).file_name().unwrap_or_default();
    let clean: String = (last.to_string_lossy().chars())
        .map(|c| {
            if c.is_control() || c == char::REPLACEMENT_CHARACTER {
                '_'
            } else {
                c
            }
        })
        .collect();
    // A name that hides, or that ends as an unfinished file's does, would mislead.
    let clean = clean.trim_start_matches('.');
    if clean.is_empty() || clean.len() > 240 || clean.ends_with(".part") {
        format!("transfer-{id:016x}")
    } else {
        clean.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for (name, want) in [
            ("a.txt", "a.txt"),
            ("/etc/passwd", "passwd"),
            ("../../x", "x"),
            (".bashrc", "bashrc"),
            ("a\nb\x1b[2J", "a_b_[2J"),
            ("..", "transfer-0000000000000007"),
            ("", "transfer-0000000000000007"),
            ("/", "transfer-0000000000000007"),
            ("a.part", "transfer-0000000000000007"),
        ] {
            assert_eq!(safe_name(name, 7), want, "{name:?}");
        }
        assert_eq!(safe_name(&"x".repeat(250), 7), "transfer-0000000000000007");
    }
}
