//! What `--exclude` leaves out.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::error::{Error, Result};

/// Patterns of what is not sent, with the meaning of a `.gitignore` in each folder that is an
/// argument:
/// - without a slash, a pattern matches a name at any depth (`*.o`), that of an argument too;
/// - with a slash at its beginning or inside, it matches a path from the argument's folder on
///   (`/build`, `doc/*.pdf`);
/// - with a slash at its end it matches folders only (`target/`);
/// - `*` and `?` do not match a slash; `**` matches any number of folders.
///
/// A folder that matches is left out with all that is in it. There is no `!`.
#[derive(Clone, Debug, Default)]
pub struct Exclude {
    names: GlobSet,
    folder_names: GlobSet,
    paths: GlobSet,
    folder_paths: GlobSet,
}

impl Exclude {
    /// Reads patterns.
    ///
    /// # Errors
    /// A pattern that is empty, has an unclosed bracket or brace, or begins with `!`.
    pub fn new<P: AsRef<str>>(patterns: &[P]) -> Result<Self> {
        let mut builders = [const { None::<GlobSetBuilder> }; 4];
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let invalid = |reason: String| Error::invalid("read pattern", pattern, reason);
            let is_folder = pattern.ends_with('/');
            let glob = pattern.strip_suffix('/').unwrap_or(pattern);
            if glob.starts_with('!') {
                return Err(invalid("'!' is not supported".into())
                    .with_remedy("for a name that begins with it write [!]"));
            }
            let is_path = glob.contains('/');
            let glob = glob.strip_prefix('/').unwrap_or(glob);
            if glob.is_empty() {
                return Err(invalid("it matches nothing".into()));
            }
            let glob = GlobBuilder::new(glob)
                .literal_separator(true)
                .backslash_escape(true)
                .build()
                .map_err(|error| invalid(error.kind().to_string()))?;
            builders[usize::from(is_path) * 2 + usize::from(is_folder)]
                .get_or_insert_with(GlobSetBuilder::new)
                .add(glob);
        }
        let build = |builder: Option<GlobSetBuilder>| {
            let built = builder.unwrap_or_else(GlobSetBuilder::new).build();
            built.map_err(|error| Error::invalid("read", "patterns", error.to_string()))
        };
        let [names, folder_names, paths, folder_paths] = builders;
        Ok(Self {
            names: build(names)?,
            folder_names: build(folder_names)?,
            paths: build(paths)?,
            folder_paths: build(folder_paths)?,
        })
    }

    /// Whether something is left out: its path from the argument's folder on (without that folder;
    /// empty for the argument itself), its name, and whether it is a folder.
    pub(super) fn matches(&self, path: &[u8], name: &[u8], is_folder: bool) -> bool {
        let path = Path::new(OsStr::from_bytes(path));
        let name = Path::new(OsStr::from_bytes(name));
        let matches = |set: &GlobSet, path| !set.is_empty() && set.is_match(path);
        matches(&self.names, name)
            || matches(&self.paths, path)
            || is_folder && (matches(&self.folder_names, name) || matches(&self.folder_paths, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_the_meaning_of_gitignore() {
        let exclude = Exclude::new(&["*.o", "/build", "doc/*.pdf", "target/", "a/**/z"]).unwrap();
        for (path, is_folder, want) in [
            ("x.o", false, true),
            ("deep/down/x.o", false, true),
            ("build", true, true),
            ("sub/build", true, false),
            ("doc/a.pdf", false, true),
            ("doc/more/a.pdf", false, false),
            ("target", true, true),
            ("sub/target", true, true),
            ("target", false, false),
            ("a/z", false, true),
            ("a/b/c/z", false, true),
            ("b/a/z", false, false),
        ] {
            let name = path.rsplit('/').next().unwrap();
            let got = exclude.matches(path.as_bytes(), name.as_bytes(), is_folder);
            assert_eq!(got, want, "{path}");
        }
        assert!(exclude.matches(b"\xff.o", b"\xff.o", false));
        assert!(!Exclude::default().matches(b"x", b"x", true));
    }

    #[test]
    fn what_is_no_pattern_is_reported() {
        for pattern in ["", "/", "!x", "[a", "{a"] {
            let error = Exclude::new(&[pattern]).unwrap_err().to_string();
            assert!(
                error.starts_with(format!("cannot read pattern {pattern}").trim_end()),
                "{error}"
            );
        }
    }
}
