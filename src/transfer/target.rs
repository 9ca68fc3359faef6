//! Where the next stream is stored.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use super::store::Store;
use crate::error::{Error, Result};

/// Where streams are stored.
#[derive(Debug)]
pub enum Target {
    /// One stream, into a file that appears when it is complete; anything other than a regular file
    /// (a FIFO, a device) is written as the data arrives.
    File(PathBuf),
    /// One stream, written to a descriptor as it arrives: standard output, a pipe.
    Stream(OwnedFd),
    /// Any number of streams, each a file in this folder with the name that its sender gives it.
    Folder {
        /// The folder.
        path: PathBuf,
        /// Whether an existing file may be replaced.
        overwrite: bool,
    },
}

/// Where the next stream is stored.
pub(super) enum Destination {
    /// Here, if no transfer uses it yet.
    One(Option<Box<Stored>>),
    /// Into a folder.
    Folder {
        path: PathBuf,
        overwrite: bool,
        resume: bool,
    },
}

/// Where one stream is stored.
pub(super) struct Stored {
    pub(super) store: Store,
    /// The sender's name of it.
    pub(super) name: String,
    /// The file that it is stored in.
    pub(super) path: Option<PathBuf>,
}

impl Destination {
    /// Opens what can be opened before the first sender.
    pub(super) fn open(target: Target, resume: bool) -> Result<Self> {
        let (store, path) = match target {
            Target::File(path) => {
                let (store, _) = Store::file(&path, resume)?;
                (store, Some(path))
            }
            Target::Stream(fd) => {
                let store = Store::stream(File::from(fd), "the output")?;
                (store, None)
            }
            Target::Folder { path, overwrite } => {
                let shown = path.display();
                let metadata = path.metadata();
                let metadata =
                    metadata.map_err(|source| Error::os("receive into", shown, source))?;
                if !metadata.is_dir() {
                    let reason = "not a folder; -o names a file";
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
        Ok(Self::One(Some(Box::new(Stored { store, name, path }))))
    }

    /// The store of the next stream; the error is the reason for a refusal.
    pub(super) fn store(&mut self, id: u64) -> Result<Stored, String> {
        let name = String::new();
        match self {
            Self::One(stored) => {
                let stored = stored.take().ok_or("busy with another transfer")?;
                Ok(Stored { name, ..*stored })
            }
            Self::Folder {
                path,
                overwrite,
                resume,
            } => {
                let path = path.join(safe_name(&name, id));
                if !*overwrite && path.symlink_metadata().is_ok() {
                    return Err("a file of that name exists already".to_owned());
                }
                let (store, _) = Store::file(&path, *resume).map_err(|error| error.to_string())?;
                Ok(Stored {
                    store,
                    name,
                    path: Some(path),
                })
            }
        }
    }
}

/// A safe name for a file in one folder, made of a name from a stranger.
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
    // A hidden name, or one with the suffix of an unfinished file, would mislead.
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
