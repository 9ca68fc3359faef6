//! `udpraw options`.

use std::os::fd::AsFd;

use udpraw::error::Result;
use udpraw::socket::options::{OptionValue, SocketOption, Value};
use udpraw::socket::{Endpoint, Family};

use crate::cli::args::options::OptionsArguments;
use crate::cli::exit::{Exit, Outcome, unread};
use crate::cli::output::Output;
use crate::cli::output::options::{Applied, Described, applied, described, table};

pub(crate) fn run(arguments: OptionsArguments, output: &mut Output) -> Outcome {
    output.speak(arguments.language.language());
    let family = arguments.socket.into();
    if !arguments.set.is_empty() {
        return set(&arguments.set, family, output);
    }
    if !arguments.names.is_empty() {
        return tell(&arguments.names, family, output);
    }
    let options: Vec<_> = SocketOption::all()
        .filter(|option| option.is_for(family))
        .map(|option| describe(option, family))
        .collect::<Result<_>>()?;
    table(output, &options, family)?;
    Ok(Exit::Yes)
}

/// Everything about each name.
fn tell(names: &[String], family: Family, output: &mut Output) -> Outcome {
    let mut all_found = true;
    for (index, name) in names.iter().enumerate() {
        match SocketOption::find(name) {
            Ok(option) => {
                unread(described(
                    output,
                    &describe(option, family)?,
                    family,
                    index > 0,
                ))?;
            }
            Err(error) => {
                all_found = false;
                output.note(error);
            }
        }
    }
    Ok(all_found.into())
}

/// Sets each on one fresh socket, in order, and shows those that were set even if one is refused.
fn set(texts: &[String], family: Family, output: &mut Output) -> Outcome {
    let settings: Vec<OptionValue> = texts
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_>>()?;
    let endpoint = Endpoint::builder().unbound(family)?;
    let mut done = Vec::new();
    let outcome = settings.into_iter().try_for_each(|setting| {
        let before = setting.effect(endpoint.as_fd()).ok();
        setting.apply(endpoint.as_fd())?;
        let after = setting.effect(endpoint.as_fd()).ok();
        let (effective, remark) =
            after.map_or((None, None), |effect| (effect.value, effect.remark));
        done.push(Applied {
            setting,
            before: before.and_then(|effect| effect.value),
            effective,
            remark,
        });
        Ok(())
    });
    unread(applied(output, &done, family))?;
    outcome
        .map(|()| Exit::Yes)
        .map_err(|error: udpraw::error::Error| error.into())
}

/// Reads an option of a fresh socket, and finds out whether the kernel lets it be set.
///
/// Each gets a socket of its own: setting one option may change another.
fn describe(option: &'static SocketOption, family: Family) -> Result<Described> {
    let endpoint = Endpoint::builder().unbound(family)?;
    let (value, refusal) = match option.get(endpoint.as_fd()) {
        Ok(value) => {
            let refusal = refusal(option, &endpoint, &value);
            (Some(value), refusal)
        }
        Err(error) => (None, error.errno()),
    };
    Ok(Described {
        option,
        value,
        refusal,
    })
}

/// The errno of a kernel that takes no such option from this socket, though it may be read: the
/// value that it has already is refused then too, and changes nothing otherwise.
fn refusal(option: &SocketOption, endpoint: &Endpoint, value: &Value) -> Option<i32> {
    if !option.is_settable() {
        return None;
    }
    let error = option.set(endpoint.as_fd(), value).err()?;
    error
        .errno()
        .filter(|errno| matches!(*errno, libc::ENOPROTOOPT | libc::EOPNOTSUPP | libc::EINVAL))
}
