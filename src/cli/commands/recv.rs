//! `udpraw recv`.

use std::os::fd::AsRawFd;

use udpraw::transfer::{ReceiveEvent, Receiving};

use crate::cli::activation;
use crate::cli::args::recv::RecvArguments;
use crate::cli::exit::Outcome;
use crate::cli::interrupt;
use crate::cli::output::Output;
use crate::cli::output::recv::Report;
use crate::cli::output::server as endpoint_report;

pub(crate) fn run(arguments: RecvArguments, output: &mut Output) -> Outcome {
    let passed = activation::socket()?;
    let address = passed.as_ref().map(|passed| passed.address);
    let code = arguments.access.of_receiver()?;
    let key = code.as_ref().map(|code| code.code.pre_shared_key());
    let config = arguments.config(output.is_json(), address, key)?;
    let settings = config.options.clone();
    let stop = interrupt::handle()?.stop;
    let mut receiving = match passed {
        Some(passed) => Receiving::adopt(passed.fd, config)?,
        None => Receiving::new(config)?,
    };
    endpoint_report::unjoined(output, receiving.address()?, &settings);
    if arguments.verbose {
        endpoint_report::socket(output, receiving.endpoint(), &settings);
        endpoint_report::backend(output, receiving.backend(), &[]);
    }
    let mut report = Report::new(output, arguments.quiet);
    let fd = receiving.endpoint().as_raw_fd();
    report.listening(fd, receiving.address()?, code.as_ref())?;
    activation::ready();
    let received = receiving.run(stop, |event: &ReceiveEvent<'_>| {
        report.event(event);
        Ok(())
    });
    report.end(received)
}
