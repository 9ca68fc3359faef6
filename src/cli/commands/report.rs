//! `udpraw report`.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use udpraw::error::{Error, Result};
use udpraw::report::{Change, Comparison, Merged, Run, compare, html, pictures};

use crate::cli::args::report::ReportArguments;
use crate::cli::exit::{Exit, Outcome, unread};
use crate::cli::output::Output;
use crate::cli::output::report as output;

pub(crate) fn run(arguments: &ReportArguments, output: &mut Output) -> Outcome {
    let merged = merged(&arguments.files)?;
    let old = match arguments.against.as_slice() {
        [] => None,
        files => Some(self::merged(files)?),
    };
    let changes = match &old {
        Some(old) => compare(old, &merged)
            .map_err(|why| Error::invalid("compare", "the runs with --against", why))?,
        None => Vec::new(),
    };
    let files = Files::create(arguments.html.as_deref(), arguments.svg.as_deref())?;
    files.write(&merged, old.as_ref(), &changes)?;
    if unread(output::result(output, &merged, old.as_ref(), &changes))?.is_none() {
        return Ok(Exit::Yes);
    }
    Ok(Exit::from(!changes.iter().any(Change::is_worse)))
}

fn merged(files: &[PathBuf]) -> Result<Merged> {
    let runs = files.iter().map(|path| Run::open(path));
    Merged::new(runs.collect::<Result<_>>()?)
}

/// The files that a result is written to.
pub(crate) struct Files {
    page: Option<(File, PathBuf)>,
    folder: Option<PathBuf>,
}

impl Files {
    /// Makes them, before there is something to write: a name that does not do is found out at once.
    pub(crate) fn create(page: Option<&Path>, folder: Option<&Path>) -> Result<Self> {
        if let Some(folder) = folder {
            fs::create_dir_all(folder)
                .map_err(|source| Error::os("make", folder.display(), source))?;
        }
        let page = page.map(|path| Ok((new(path)?, path.to_owned())));
        Ok(Self {
            page: page.transpose()?,
            folder: folder.map(Path::to_owned),
        })
    }

    /// Whether there are any.
    pub(crate) fn is_wanted(&self) -> bool {
        self.page.is_some() || self.folder.is_some()
    }

    /// Writes a result, and how it changed since an old one.
    pub(crate) fn write(
        self,
        new: &Merged,
        old: Option<&Merged>,
        changes: &[Change],
    ) -> Result<()> {
        let comparison = old.map(|old| Comparison::new(old, changes));
        self.put(|| html(new, comparison), || pictures(new, old))
    }

    /// Writes a page, and pictures with their names.
    pub(crate) fn put(
        self,
        page: impl FnOnce() -> String,
        pictures: impl FnOnce() -> Vec<(String, String)>,
    ) -> Result<()> {
        if let Some((file, path)) = self.page {
            put(file, &path, &page())?;
        }
        if let Some(folder) = self.folder {
            for (name, svg) in pictures() {
                let path = folder.join(name);
                put(self::new(&path)?, &path, &svg)?;
            }
        }
        Ok(())
    }
}

fn new(path: &Path) -> Result<File> {
    File::create_new(path).map_err(|source| {
        Error::os("make", path.display(), source).with_remedy("name a file that is not there yet")
    })
}

fn put(mut file: File, path: &Path, text: &str) -> Result<()> {
    let written = file.write_all(text.as_bytes());
    written.map_err(|source| Error::os("write", path.display(), source))
}
