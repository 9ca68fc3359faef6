//! `udpraw services`.

use udpraw::services::{self, Origin, Range, Services, Severity};

use crate::cli::args::services::{
    CheckArguments, ListArguments, LookupArguments, ServicesArguments, ServicesCommand,
};
use crate::cli::exit::{Exit, Outcome, unread};
use crate::cli::output::{Output, count};

pub(crate) fn run(arguments: ServicesArguments, output: &mut Output) -> Outcome {
    arguments.check()?;
    match arguments.command {
        None => lookup(&arguments.lookup, output),
        Some(ServicesCommand::Lookup(arguments)) => lookup(&arguments, output),
        Some(ServicesCommand::List(arguments)) => list(&arguments, output),
        Some(ServicesCommand::Check(arguments)) => check(&arguments, output),
    }
}

fn lookup(arguments: &LookupArguments, output: &mut Output) -> Outcome {
    let queries = arguments.queries()?;
    let services = load(arguments.file.as_deref(), output)?;
    unread(output.services(queries.iter().flat_map(|query| services.lookup(query))))?;
    let mut all = true;
    for query in &queries {
        if services.lookup(query).next().is_none() {
            output.note(services.missing(query));
            all = false;
        }
    }
    Ok(all.into())
}

fn list(arguments: &ListArguments, output: &mut Output) -> Outcome {
    let services = load(arguments.file.as_deref(), output)?;
    let found = output.services(services.entries().filter(|entry| {
        arguments.proto.includes(entry.protocol)
            && arguments
                .range
                .is_none_or(|range| range == Range::of(entry.port))
    }))?;
    if found == 0 {
        output.note(format_args!("no such service in {}", services.origin()));
    }
    Ok((found > 0).into())
}

fn check(arguments: &CheckArguments, output: &mut Output) -> Outcome {
    let mut services = Services::load(arguments.file.as_deref())?;
    if *services.origin() == Origin::BuiltIn {
        // The built-in table is not to be checked: the error says that there is no file.
        services = Services::load(Some(services::DEFAULT_PATH.as_ref()))?;
    }
    let findings = services::check(services.as_bytes())
        .filter(|finding| !arguments.errors_only || finding.problem.severity() == Severity::Error);
    let Some((errors, warnings)) = unread(output.findings(services.origin(), findings))? else {
        // A problem that could not be printed is still a finding.
        return Ok(Exit::No);
    };
    output.talk(format_args!(
        "{}: {}, {}; {}, {}",
        services.origin(),
        count(
            services::lines(services.as_bytes()).count() as u64,
            "line",
            "lines"
        ),
        count(services.entries().count() as u64, "service", "services"),
        count(errors as u64, "error", "errors"),
        count(warnings as u64, "warning", "warnings"),
    ));
    Ok((errors + warnings == 0).into())
}

/// The requested file, or this machine's; a note says if another is used instead.
fn load(file: Option<&std::path::Path>, output: &mut Output) -> udpraw::error::Result<Services> {
    let services = Services::load(file)?;
    let usual = services::DEFAULT_PATH;
    match services.origin() {
        Origin::BuiltIn => {
            let vendor = services::VENDOR_PATH;
            output.note(format_args!(
                "this machine has neither {usual} nor {vendor}; using the built-in table"
            ));
        }
        Origin::File(path) if file.is_none() && path != std::path::Path::new(usual) => {
            let path = path.display();
            output.note(format_args!("this machine has no {usual}; using {path}"));
        }
        Origin::File(_) => {}
        _ => {}
    }
    Ok(services)
}
