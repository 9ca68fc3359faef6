//! `udpraw learn`.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::atomic::Ordering;

use udpraw::error::Error;
use udpraw::language::Language;

use crate::cli::args::learn::{CheckArguments, LearnArguments, LearnCommand, StartArguments};
use crate::cli::exit::{Exit, Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::learn::exercises::{Exercise, starter};
use crate::cli::learn::export;
use crate::cli::learn::progress::Progress;
use crate::cli::learn::text::{Text, in_language};
use crate::cli::learn::{LESSONS, Lesson, actor};
use crate::cli::output::Output;
use crate::cli::output::trace::draw;

/// The columns of a diagram on a page.
const PAGE_WIDTH: usize = 110;

/// What every part of the command needs.
struct Learner<'a> {
    output: &'a mut Output,
    language: Language,
    text: &'static dyn Text,
    progress: Progress,
}

pub(crate) fn run(arguments: LearnArguments, output: &mut Output) -> Outcome {
    if let Some(LearnCommand::Act) = arguments.command {
        return act();
    }
    if let (Some(_), Some(lesson)) = (&arguments.command, arguments.lesson) {
        let reason = "a lesson and a command exclude each other";
        return Err(Error::invalid("take lesson", lesson.name, reason).into());
    }
    let (language, unknown) = arguments.language.choose();
    let mut learner = Learner {
        output,
        language,
        text: in_language(language),
        progress: Progress::load(),
    };
    learner.greet(unknown.as_deref());
    match (arguments.command, arguments.lesson) {
        (Some(LearnCommand::Next), _) => learner.next(),
        (Some(LearnCommand::All), _) => learner.all(),
        (Some(LearnCommand::Exercises), _) => learner.exercises(),
        (Some(LearnCommand::Start(start)), _) => learner.start(&start),
        (Some(LearnCommand::Check(check)), _) => learner.check(&check),
        (Some(LearnCommand::Export(export)), _) => learner.export(&export.html),
        (Some(LearnCommand::Reset), _) => learner.reset(),
        (_, Some(lesson)) => learner.one(lesson),
        (_, None) => learner.list(),
    }
}

/// Is a program of a lesson.
fn act() -> Outcome {
    let (input, output) = (io::stdin(), io::stdout());
    match actor::play(input.lock(), output.lock()) {
        Ok(()) => Ok(Exit::Yes),
        Err(source) => Err(Error::os("act in", "a lesson", source).into()),
    }
}

impl Learner<'_> {
    /// Notes about the language and the file of the progress.
    fn greet(&mut self, unknown: Option<&str>) {
        if let Some((file, kept)) = &self.progress.set_aside {
            let [file, kept] = [file, kept].map(|path| path.display().to_string());
            self.output.note(self.text.state_set_aside(&file, &kept));
        }
        if let Some(locale) = unknown
            && self.progress.tell(locale)
        {
            let locale = locale.escape_debug().to_string();
            self.output.note(self.text.no_such_language(&locale));
        }
    }

    /// Tells why the progress could not be saved, if it could not.
    fn note_unsaved(&mut self, saved: io::Result<()>) {
        if let Err(error) = saved {
            let reason = match error.raw_os_error() {
                Some(errno) => self.language.errno(errno),
                None => error.to_string(),
            };
            self.output.note(self.text.state_not_saved(&reason));
        }
    }

    fn list(&mut self) -> Outcome {
        let progress = &self.progress;
        let is_taken = |lesson: &Lesson| progress.has_taken(lesson.name);
        self.output.learn_list(self.text, is_taken)?;
        Ok(Exit::Yes)
    }

    fn next(&mut self) -> Outcome {
        let next = LESSONS.iter().find(|it| !self.progress.has_taken(it.name));
        match next {
            Some(lesson) => self.one(lesson),
            None => {
                self.output.learn_remark(self.text.all_done())?;
                Ok(Exit::Yes)
            }
        }
    }

    fn one(&mut self, lesson: &'static Lesson) -> Outcome {
        let stop = interrupt::handle()?.stop;
        let asks = io::stdin().is_terminal() && io::stdout().is_terminal();
        let shown = self.take(lesson, asks && !self.output.is_json());
        if stop.load(Ordering::Relaxed) {
            crate::signal::end();
        }
        if !shown? {
            return Ok(Exit::No);
        }
        let saved = self.progress.take(lesson.name);
        self.note_unsaved(saved);
        Ok(Exit::Yes)
    }

    fn all(&mut self) -> Outcome {
        let stop = interrupt::handle()?.stop;
        let mut shown = 0;
        for lesson in LESSONS {
            let is_shown = self.take(lesson, false);
            if stop.load(Ordering::Relaxed) {
                crate::signal::end();
            }
            shown += usize::from(is_shown?);
        }
        self.output.learn_remark(&self.text.shown(shown))?;
        Ok(Exit::from(shown == LESSONS.len()))
    }

    /// Shows a lesson; returns whether it showed what it claims.
    fn take(&mut self, lesson: &Lesson, asks: bool) -> Result<bool, Failure> {
        self.output.learn_claim(self.text, lesson)?;
        if asks {
            self.output.learn_ask(self.text, lesson)?;
        }
        match lesson.show() {
            Ok(show) => {
                self.output.learn_show(self.language, lesson, &show)?;
                Ok(true)
            }
            Err(error) => {
                self.output.error(format_args!("{}: {error}", lesson.name));
                Ok(false)
            }
        }
    }

    fn exercises(&mut self) -> Outcome {
        let progress = &self.progress;
        let is_passed = |exercise: &Exercise| progress.has_passed(exercise.name);
        self.output.learn_exercises(self.text, is_passed)?;
        Ok(Exit::Yes)
    }

    fn start(&mut self, arguments: &StartArguments) -> Outcome {
        let (exercise, language) = (arguments.exercise, arguments.language);
        let file = exercise.file(language);
        starter::write(file.as_ref(), &exercise.starter(self.text, language))?;
        self.output.learn_remark(&self.text.written(&file))?;
        let check = exercise.check_command(language);
        self.output.learn_remark(&self.text.how_to_check(&check))?;
        Ok(Exit::Yes)
    }

    fn check(&mut self, arguments: &CheckArguments) -> Outcome {
        let stop = interrupt::handle()?.stop;
        let exercise = arguments.exercise;
        let checked = exercise.check(&arguments.program);
        if stop.load(Ordering::Relaxed) {
            crate::signal::end();
        }
        let (trial, judgement) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                let program = arguments.program.first();
                let program = program.map(|it| it.to_string_lossy().escape_debug().to_string());
                let program = program.unwrap_or_default();
                self.output
                    .error(self.text.cannot_run(&program, &error.to_string()));
                return Ok(Exit::Error);
            }
        };
        let hint = judgement.err().map(|hint| hint(self.text));
        let (name, calls) = (exercise.name, trial.calls());
        self.output
            .learn_verdict(self.language, name, calls, hint.as_deref())?;
        if hint.is_some() {
            return Ok(Exit::No);
        }
        let saved = self.progress.pass(name);
        self.note_unsaved(saved);
        Ok(Exit::Yes)
    }

    fn export(&mut self, folder: &Path) -> Outcome {
        let stop = interrupt::handle()?.stop;
        let written = export::write(folder, |diagram, language| {
            draw(diagram, language, PAGE_WIDTH)
        });
        if stop.load(Ordering::Relaxed) {
            crate::signal::end();
        }
        let (pages, folder) = (written?, folder.display().to_string());
        self.output
            .learn_remark(&self.text.exported(pages, &folder))?;
        Ok(Exit::Yes)
    }

    fn reset(&mut self) -> Outcome {
        let file = self.progress.file().map(|file| file.display().to_string());
        let file = file.unwrap_or_default();
        let reset = self.progress.reset();
        reset.map_err(|source| Error::os("delete", &file, source))?;
        self.output.learn_remark(&self.text.reset(&file))?;
        Ok(Exit::Yes)
    }
}
