//! Socket options by flag.

use clap::Args;
use udpraw::socket::Family;
use udpraw::socket::options::Setting;

#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Socket options")]
pub(crate) struct SocketArguments {
    #[arg(long)]
    pub(crate) reuseaddr: bool,
    #[arg(long)]
    pub(crate) broadcast: bool,
    #[arg(short, long = "option")]
    options: Vec<Setting>,
}

impl SocketArguments {
    pub(crate) fn settings(&self, _: Family) -> Result<Vec<Setting>, udpraw::error::Error> {
        let mut settings = Vec::new();
        if self.reuseaddr {
            settings.push("SO_REUSEADDR=1".parse()?);
        }
        if self.broadcast {
            settings.push("SO_BROADCAST=1".parse()?);
        }
        settings.extend(self.options.iter().cloned());
        Ok(settings)
    }
}
