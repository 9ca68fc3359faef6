//! What a load measured: a line per interval, and a table at the end.

mod log;
pub(super) mod records;
mod screen;
mod table;

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use udpraw::load::{
    ClockState, Config, Event, Figures, Limit, Objective, Report as Found, Saturated, Saturation,
    Trial, Verdict,
};
use udpraw::report::Recorder;

pub(crate) use self::log::IntervalLog;
use self::records::{
    FlowRecord, IntervalRecord, ObjectiveRecord, ResultRecord, SaturatedRecord, StartRecord,
    TrialRecord,
};
use self::screen::Screen;
use self::table::{per_second, percent, time};
use super::Output;
use super::envelope::{self, JsonEvent, Time};

/// A rate is not reached below this part of what was asked for.
const REACHED: f64 = 0.95;

/// The most flows of a record.
const MOST_FLOWS: usize = 100;

/// The most notes that are kept while the screen is shown.
const MOST_NOTES: usize = 100;

/// Reports a load, while it runs and at its end.
pub(crate) struct Report<'a> {
    output: &'a mut Output,
    config: &'a Config,
    is_quiet: bool,
    /// Whether it was said that the machine is too slow.
    is_slow: bool,
    is_withheld: bool,
    /// The run, for a report.
    recorder: Option<Recorder>,
    /// The name of the run.
    run: &'a str,
    /// Where metrics are served, if anywhere.
    metrics: Option<SocketAddr>,
    /// The flag that the screen's `q` raises, if there is to be a screen.
    stop: Option<&'static AtomicBool>,
    screen: Option<Screen>,
    /// Notes that are printed once the screen is gone.
    notes: Vec<String>,
}

/// Whether standard output is a terminal that a screen can be shown on.
pub(crate) fn has_screen(output: &Output) -> bool {
    !output.is_json() && Screen::is_possible()
}

impl<'a> Report<'a> {
    pub(crate) fn new(
        output: &'a mut Output,
        config: &'a Config,
        run: &'a str,
        is_quiet: bool,
        is_recorded: bool,
        (metrics, stop): (Option<SocketAddr>, Option<&'static AtomicBool>),
    ) -> Self {
        Self {
            output,
            config,
            is_quiet,
            is_slow: false,
            is_withheld: false,
            recorder: is_recorded.then(|| Recorder::new("this run")),
            run,
            metrics,
            stop,
            screen: None,
            notes: Vec::new(),
        }
    }

    /// The run as far as it was recorded.
    pub(crate) fn recorded(mut self) -> Option<Recorder> {
        self.recorder.take()
    }

    /// Whether anything reads records.
    fn is_recording(&self) -> bool {
        self.output.is_json() || self.recorder.is_some()
    }

    fn record(&mut self, record: &impl JsonEvent) -> io::Result<()> {
        if let Some(recorder) = &mut self.recorder {
            let line = envelope::line(0, record)?;
            recorder.line(&line).map_err(io::Error::other)?;
        }
        if self.output.is_json() {
            self.output.record(record)?;
        }
        Ok(())
    }

    /// A note; on the screen a line of the log, and printed later.
    pub(crate) fn note(&mut self, text: &str) {
        let Some(screen) = &self.screen else {
            self.output.note(text);
            return;
        };
        screen.note(text);
        if self.notes.len() < MOST_NOTES {
            self.notes.push(text.to_owned());
        }
    }

    pub(crate) fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Started { backend, .. } => self.started(backend.name()),
            Event::Interval(figures) => self.interval(figures),
            _ => Ok(()),
        }
    }

    fn started(&mut self, backend: &str) -> io::Result<()> {
        self.record(&StartRecord::new(self.config, self.run, self.metrics))?;
        if let Some(stop) = self.stop {
            match Screen::start(self.config, backend, stop) {
                Ok(screen) => self.screen = Some(screen),
                Err(error) => self.note(&format!("no screen, but a line an interval: {error}")),
            }
        }
        if self.config.closed.is_some() {
            self.note(
                "a closed loop waits for answers before it sends: while the peer stands still it does not ask, \
                 so that hardly a datagram shows it",
            );
        }
        Ok(())
    }

    /// Gives the terminal back, and prints what was noted meanwhile.
    fn leave_screen(&mut self) {
        if self.screen.take().is_some() {
            for note in self.notes.drain(..) {
                self.output.note(note);
            }
        }
    }

    fn interval(&mut self, figures: &Figures) -> io::Result<()> {
        let (asked, sending) = (figures.asked, figures.sending());
        // A wait for the last answers is none to be slow in.
        let is_whole = figures.length >= self.config.interval / 2 && sending.sent > 0;
        let is_below =
            figures.rate() < asked * REACHED && figures.length > Duration::from_millis(200);
        if self.config.direction.has_up()
            && !self.is_slow
            && is_whole
            && (is_below || sending.unsent > 0)
        {
            self.is_slow = true;
            let (rate, asked) = (per_second(figures.rate()), per_second(asked));
            let why = if sending.refused > 0 {
                "the kernel refused datagrams; see the table at the end"
            } else {
                "this machine does not send faster so; try --workers with more --flows, or larger datagrams"
            };
            self.note(&format!("{rate} reached of {asked} asked for: {why}"));
        }
        if figures.clock == ClockState::Withheld && !self.is_withheld {
            self.is_withheld = true;
            self.note(
                "the clocks of the two ends contradict each other: one of them was set or stood still; \
                 one-way times are withheld",
            );
        }
        if self.is_recording() {
            let figures = figures.into();
            self.record(&IntervalRecord { figures })?;
        }
        if self.output.is_json() {
            return Ok(());
        }
        if let Some(screen) = &self.screen {
            screen.interval(figures, self.reached(figures));
            return Ok(());
        }
        // What arrived while the last answers were awaited is in the table.
        let is_whole = figures.length >= self.config.interval / 2;
        if self.is_quiet || !is_whole || (sending.sent == 0 && self.config.direction.has_up()) {
            return Ok(());
        }
        let until = (figures.start + figures.length).as_secs_f64();
        let latency = if figures.times.latency.is_empty() {
            &figures.times.down
        } else {
            &figures.times.latency
        };
        let rate = self.reached(figures);
        let mut line = format!("{until:8.2} s  {:>11}", per_second(rate));
        for stream in [figures.round_trip, figures.up, figures.down]
            .into_iter()
            .flatten()
            .take(1)
        {
            line += &format!("  lost {:>6}", stream.lost);
        }
        if !latency.is_empty() {
            let at = |quantile| time(latency.value_at_quantile(quantile));
            let (p50, p99, max) = (at(0.5), at(0.99), time(latency.max()));
            line += &format!("  p50 {p50:>8}  p99 {p99:>8}  max {max:>8}");
        }
        let slip = figures.times.slip.value_at_quantile(0.99);
        if slip > 100_000 {
            line += &format!("  slip p99 {}", time(slip));
        }
        self.output.line(line)
    }

    /// The rate of an interval.
    fn reached(&self, figures: &Figures) -> f64 {
        match figures.down {
            // What a peer sent is known only when it was asked the last time.
            Some(down) if !self.config.direction.has_up() => {
                down.counts.unique as f64 / figures.length.as_secs_f64()
            }
            _ => figures.rate(),
        }
    }

    /// The whole; returns whether all objectives are kept.
    pub(crate) fn result(&mut self, found: &Found, objectives: &[Objective]) -> io::Result<bool> {
        self.leave_screen();
        let size = self.config.payload_bytes();
        let judged: Vec<_> = objectives
            .iter()
            .map(|objective| (objective, objective.judge(&found.total, size)))
            .collect();
        let is_kept = |verdict: &Verdict| *verdict == Verdict::Kept;
        let all_kept = judged.iter().all(|(_, (verdict, _))| is_kept(verdict));
        if self.is_recording() {
            let config = self.config;
            let is_planned = config.closed.is_none();
            let flows = if config.flows > 1 {
                found.flows.as_slice()
            } else {
                &[]
            };
            let record = ResultRecord {
                target: config.target.to_string(),
                started: Time::try_from(found.started).unwrap_or_else(|_| Time::now()),
                plan: is_planned.then(|| config.plan.to_string()),
                payload_bytes: size,
                flows: config.flows,
                workers: config.workers,
                backend: found.backend.name(),
                timestamps: config.timestamps.name(),
                open_loop: is_planned,
                balanced: found.total.is_balanced(),
                complete: found.is_complete,
                session_lost: found.is_session_lost,
                objectives: judged
                    .iter()
                    .map(|(objective, (verdict, figure))| ObjectiveRecord {
                        objective: objective.to_string(),
                        kept: is_kept(verdict),
                        figure: figure.clone(),
                    })
                    .collect(),
                flow_figures: flows
                    .iter()
                    .take(MOST_FLOWS)
                    .map(FlowRecord::from)
                    .collect(),
                best_flow: flows.last().map(FlowRecord::from),
                figures: (&found.total).into(),
            };
            self.record(&record)?;
        }
        if self.output.is_json() {
            return Ok(all_kept);
        }
        let mut text = table::whole(found, self.config);
        for (objective, (verdict, figure)) in judged {
            let verdict = match verdict {
                Verdict::Kept => "kept",
                Verdict::Broken => "BROKEN",
                _ => "UNKNOWN",
            };
            text += &format!("{verdict:<8} fail if {objective}: {figure}\n");
        }
        self.output.text(&text)?;
        Ok(all_kept)
    }
}

impl Drop for Report<'_> {
    fn drop(&mut self) {
        self.leave_screen();
    }
}

/// A trial of a search.
pub(crate) fn trial(output: &mut Output, trial: &Trial) -> io::Result<()> {
    if output.is_json() {
        return output.record(&TrialRecord::from(trial));
    }
    let total = &trial.report.total;
    let latency = &total.times.latency;
    let verdict = match trial.limit {
        None => "borne",
        Some(limit) => why(limit),
    };
    let p99 = time(latency.value_at_quantile(0.99));
    output.line(format_args!(
        "search {}  {:>11}  lost {:>8}  p99 {p99:>8}  {verdict}",
        trial.search,
        per_second(trial.rate),
        percent(total.loss()),
    ))
}

/// What made a rate too high.
fn why(limit: Limit) -> &'static str {
    match limit {
        Limit::Loss => "too much is lost",
        Limit::Latency => "the latency is too high",
        _ => "this machine does not send as fast",
    }
}

/// The result of all searches.
pub(crate) fn saturated(
    output: &mut Output,
    saturation: &Saturation,
    config: &Config,
    found: Option<&Saturated>,
) -> io::Result<()> {
    let Some(found) = found else {
        output.note("no search found a rate that is borne");
        return Ok(());
    };
    if output.is_json() {
        return output.record(&SaturatedRecord::from(found));
    }
    let (low, high) = found.range;
    let mut text = format!(
        "\n{} borne by {}: {} to {} in {} searches; lost at most {}",
        per_second(found.median),
        config.target,
        per_second(low),
        per_second(high),
        found.searches,
        percent(saturation.max_loss),
    );
    if let Some(latency) = saturation.max_latency {
        text += &format!(", p99 at most {latency:?}");
    }
    if let Some(limit) = found.limit {
        text += &format!(". Above that, {}", why(limit));
    }
    output.line(text)
}
