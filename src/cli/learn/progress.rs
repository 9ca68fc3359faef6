//! The learner's progress: a small file in the state directory, replaced as a whole.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The version of the file's format.
const VERSION: u32 = 1;

/// The largest file that is read: names of lessons and exercises need a small part of it.
const LARGEST: u64 = 64 << 10;

/// What the file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    version: u32,
    /// The lessons that were taken.
    lessons: BTreeSet<String>,
    /// The exercises that were passed.
    exercises: BTreeSet<String>,
    /// The locale whose lack of a translation was reported.
    told: Option<String>,
}

/// The progress, and where it is kept.
#[derive(Debug)]
pub(crate) struct Progress {
    state: State,
    file: Option<PathBuf>,
    /// A file that could not be read, and where it was moved.
    pub(crate) set_aside: Option<(PathBuf, PathBuf)>,
}

impl Progress {
    /// Reads the progress. Without a file, with a broken one, or with one of another version, it starts
    /// anew; such a file is kept under another name.
    pub(crate) fn load() -> Self {
        Self::from(place(
            std::env::var_os("XDG_STATE_HOME"),
            std::env::var_os("HOME"),
        ))
    }

    fn from(file: Option<PathBuf>) -> Self {
        let mut progress = Self {
            state: State::default(),
            file,
            set_aside: None,
        };
        progress.state.version = VERSION;
        let Some(file) = progress.file.clone() else {
            return progress;
        };
        match read(&file) {
            Ok(Some(state)) => progress.state = state,
            Ok(None) => {
                let kept = file.with_extension("json.old");
                if fs::rename(&file, &kept).is_ok() {
                    progress.set_aside = Some((file, kept));
                }
            }
            // There is none yet, or it cannot be read: then writing it will tell.
            Err(_) => {}
        }
        progress
    }

    /// Where it is kept; `None` if the environment names no home.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Whether a lesson was taken.
    pub(crate) fn has_taken(&self, lesson: &str) -> bool {
        self.state.lessons.contains(lesson)
    }

    /// Whether an exercise was passed.
    pub(crate) fn has_passed(&self, exercise: &str) -> bool {
        self.state.exercises.contains(exercise)
    }

    /// An exercise was passed.
    pub(crate) fn pass(&mut self, exercise: &str) -> io::Result<()> {
        if self.state.exercises.insert(exercise.to_owned()) {
            self.save()?;
        }
        Ok(())
    }

    /// A lesson was taken.
    pub(crate) fn take(&mut self, lesson: &str) -> io::Result<()> {
        if self.state.lessons.insert(lesson.to_owned()) {
            self.save()?;
        }
        Ok(())
    }

    /// Whether the lack of a translation was reported before; it has been now.
    pub(crate) fn tell(&mut self, locale: &str) -> bool {
        let before = self.state.told.replace(locale.to_owned());
        let is_new = before.as_deref() != Some(locale);
        // Where it cannot be kept, the note comes each time.
        is_new && (self.save().is_ok() || before.is_none())
    }

    /// Deletes it.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.state = State {
            version: VERSION,
            ..State::default()
        };
        match self.file.as_deref().map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Replaces the file: whoever reads it sees the old one or the new one, never a part.
    fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Err(io::Error::other("$HOME"));
        };
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        let new = file.with_extension("json.new");
        let mut text = serde_json::to_vec_pretty(&self.state)?;
        text.push(b'\n');
        let mut opened = File::create(&new)?;
        opened.write_all(&text)?;
        opened.sync_all()?;
        fs::rename(&new, file)
    }
}

/// The file, by the XDG base directory specification: a relative path counts as unset.
fn place(state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |folder: Option<OsString>| {
        let folder = folder.map(PathBuf::from);
        folder.filter(|folder| folder.is_absolute())
    };
    let folder = absolute(state_home).or_else(|| {
        let home = absolute(home)?;
        Some(home.join(".local/state"))
    });
    Some(folder?.join("udpraw/learn.json"))
}

/// Reads the file; `None` if it is broken or of another version.
fn read(file: &Path) -> io::Result<Option<State>> {
    let mut text = Vec::new();
    File::open(file)?.take(LARGEST).read_to_end(&mut text)?;
    let state = serde_json::from_slice::<State>(&text).ok();
    Ok(state.filter(|state| state.version == VERSION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_kept_and_a_broken_file_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep/learn.json");
        let mut progress = Progress::from(Some(file.clone()));
        progress.take("ports").unwrap();
        let again = Progress::from(Some(file.clone()));
        assert!(again.has_taken("ports"));
        assert!(!again.has_taken("loss") && again.set_aside.is_none());
        let whole = fs::read(&file).unwrap();
        let other = br#"{"version":2,"lessons":[],"exercises":[],"told":null}"#;
        for broken in [&whole[..whole.len() / 2], b"", other.as_slice()] {
            fs::write(&file, broken).unwrap();
            let anew = Progress::from(Some(file.clone()));
            assert!(!anew.has_taken("ports"));
            let (_, kept) = anew.set_aside.expect("it is kept");
            assert_eq!(fs::read(kept).unwrap(), broken);
            assert!(!file.exists());
        }
    }

    #[test]
    fn a_language_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("learn.json");
        let mut progress = Progress::from(Some(file.clone()));
        assert!(progress.tell("fr_FR"));
        assert!(!Progress::from(Some(file)).tell("fr_FR"));
    }

    #[test]
    fn the_place_is_that_of_the_specification() {
        let text = |text: &str| Some(OsString::from(text));
        let path = |text: &str| Some(PathBuf::from(text));
        let home = text("/home/a");
        assert_eq!(place(text("/s"), None), path("/s/udpraw/learn.json"));
        let default = path("/home/a/.local/state/udpraw/learn.json");
        assert_eq!(place(text("relative"), home.clone()), default);
        assert_eq!(place(None, home), default);
        assert_eq!(place(None, None), None);
    }
}
