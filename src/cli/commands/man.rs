//! `udpraw man`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use udpraw::error::{Error, Result};

use crate::cli::args::man::ManArguments;
use crate::cli::exit::{Exit, Outcome};
use crate::cli::manual;
use crate::cli::output::Output;

pub(crate) fn run(arguments: &ManArguments, output: &mut Output) -> Outcome {
    let pages = manual::pages();
    let Some(folder) = &arguments.folder else {
        // The main page is the first.
        let main = pages.first().map(|page| page.text.as_slice());
        output.text(&String::from_utf8_lossy(main.unwrap_or_default()))?;
        return Ok(Exit::Yes);
    };
    fs::create_dir_all(folder).map_err(|source| failed("make the folder", folder, source))?;
    for page in &pages {
        write_whole(folder, &page.name, &page.text)?;
    }
    Ok(Exit::Yes)
}

/// Writes a file under another name and renames it: so its own name always has the old file or the
/// whole new one.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = folder.join(name);
    let part = folder.join(format!(".{name}.{}.part", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&part)
        .and_then(|mut file| {
            let written = file
                .write_all(bytes)
                .and_then(|()| fs::rename(&part, &path));
            if written.is_err() {
                // What is left of it is of no use.
                let _ = fs::remove_file(&part);
            }
            written
        });
    written.map_err(|source| failed("write", &path, source))
}

fn failed(operation: &'static str, path: &Path, source: io::Error) -> Error {
    let path = format!("'{}'", path.display().to_string().escape_debug());
    Error::os(operation, path, source).with_remedy("name a folder that you may write to")
}
