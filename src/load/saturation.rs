//! The highest rate that a path or a server bears, by a search that is repeated.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::config::Config;
use super::{Event, Load, Report};
use crate::error::{Error, Result};
use crate::protocol::load::Plan;
use crate::units::PacketRate;

/// How near the bounds of a search come to each other: 3 %.
const NEAR: f64 = 1.03;

/// The most trials of a search: it would take them from 1 to 10^9 datagrams per second.
const MOST_TRIALS: usize = 60;

/// A rate was reached if at least this part of the datagrams was sent.
const REACHED: f64 = 0.99;

/// When a rate is too high, and how it is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Saturation {
    /// The most loss, from 0 to 1.
    pub max_loss: f64,
    /// The highest 99th percentile of latency; `None` for any.
    pub max_latency: Option<Duration>,
    /// The rate of the first trial, in datagrams per second.
    pub start: f64,
    /// The length of a trial.
    pub trial: Duration,
    /// How often the search is repeated.
    pub searches: usize,
}

impl Default for Saturation {
    /// A loss of 0.1 % at most, trials of a second, and three searches from 1,000 datagrams per second.
    fn default() -> Self {
        Self {
            max_loss: 0.001,
            max_latency: None,
            start: 1000.0,
            trial: Duration::from_secs(1),
            searches: 3,
        }
    }
}

/// Why a trial's rate was too high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Too much was lost.
    Loss,
    /// The latency was too high.
    Latency,
    /// This machine did not send as fast.
    Sender,
}

/// A trial of a search.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Trial {
    /// The search's number, from 1.
    pub search: usize,
    /// The rate asked for, in datagrams per second.
    pub rate: f64,
    /// Why it was too high; `None` if it was not.
    pub limit: Option<Limit>,
    /// What was measured.
    pub report: Report,
}

/// The result of all searches.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Saturated {
    /// The median of the highest rates, in datagrams per second.
    pub median: f64,
    /// The least and the greatest of them.
    pub range: (f64, f64),
    /// The number of searches.
    pub searches: usize,
    /// What limited the last trial that failed.
    pub limit: Option<Limit>,
}

impl Saturation {
    /// Searches with loads like `config`, whose plan and time are replaced; `None` if `stop` was raised
    /// before a search was over, or not even the slowest rate was borne.
    ///
    /// # Errors
    /// As of [`Load::run`]; of kind `ConnectionReset` if a session's server does not know it any more.
    pub fn search<E: From<Error>>(
        &self,
        config: &Config,
        stop: &AtomicBool,
        mut on_trial: impl FnMut(&Trial) -> std::result::Result<(), E>,
    ) -> std::result::Result<Option<Saturated>, E> {
        if config.closed.is_some() || self.searches == 0 || self.start <= 0.0 {
            let reason = "it needs an open loop, a rate to start from, and at least one search";
            return Err(Error::invalid("search", "the highest rate", reason).into());
        }
        let (mut found, mut limit) = (Vec::new(), None);
        for search in 1..=self.searches {
            let (mut low, mut high) = (None::<f64>, None::<f64>);
            for _ in 0..MOST_TRIALS {
                let rate = match (low, high) {
                    (None, None) => self.start,
                    (Some(low), None) => low * 2.0,
                    (None, Some(high)) => high / 2.0,
                    (Some(low), Some(high)) if high / low > NEAR => (low * high).sqrt(),
                    (Some(_), Some(_)) => break,
                };
                if !(0.5..1e9).contains(&rate) {
                    break;
                }
                let Some(trial) = self.trial(config, search, rate, stop)? else {
                    return Ok(self.result(found, limit));
                };
                match trial.limit {
                    None => low = Some(rate),
                    Some(why) => (high, limit) = (Some(rate), Some(why)),
                }
                on_trial(&trial)?;
            }
            found.extend(low);
        }
        Ok(self.result(found, limit))
    }

    fn trial(
        &self,
        config: &Config,
        search: usize,
        rate: f64,
        stop: &AtomicBool,
    ) -> Result<Option<Trial>> {
        let config = Config {
            plan: Plan::constant(PacketRate::Packets(rate)),
            time: Some(self.trial),
            interval: self.trial.saturating_mul(2),
            start_at: None,
            ..config.clone()
        };
        let target = config.target;
        let report = Load::new(config)?.run(stop, |_: &Event<'_>| Ok::<(), Error>(()))?;
        if report.as_ref().is_some_and(|report| report.is_session_lost) {
            // Neither that it held nor that it did not: the trial was cut off.
            let reason = "it does not know the session any more: it was restarted, or sees us at another address";
            let lost = std::io::Error::new(std::io::ErrorKind::ConnectionReset, reason);
            let server = format!("the server at {target}");
            return Err(Error::os("load", server, lost).with_remedy("search again"));
        }
        let report = report.filter(|_| !stop.load(Ordering::Relaxed));
        Ok(report.map(|report| Trial {
            search,
            rate,
            limit: self.limit(&report),
            report,
        }))
    }

    /// Why a rate was too high.
    fn limit(&self, report: &Report) -> Option<Limit> {
        let (total, sending) = (&report.total, report.total.sending());
        if (sending.sent as f64) < REACHED * sending.scheduled as f64 {
            return Some(Limit::Sender);
        }
        if total.loss() > self.max_loss {
            return Some(Limit::Loss);
        }
        let latency = total.times.latency.value_at_quantile(0.99);
        let most = self.max_latency?.as_nanos();
        (u128::from(latency) > most).then_some(Limit::Latency)
    }

    fn result(&self, mut found: Vec<f64>, limit: Option<Limit>) -> Option<Saturated> {
        found.sort_by(f64::total_cmp);
        let middle = found.len() / 2;
        Some(Saturated {
            median: *found.get(middle)?,
            range: (*found.first()?, *found.last()?),
            searches: found.len(),
            limit,
        })
    }
}
