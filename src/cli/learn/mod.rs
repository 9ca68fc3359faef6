//! `udpraw learn`: the lessons, one file each, and the exercises.
//!
//! A lesson runs real processes ([`stage`]) and fails unless they show what it claims. What it says is a
//! function of a language ([`text::Text`]), so one run can be told in any of them.

pub(crate) mod actor;
pub(crate) mod exercises;
pub(crate) mod export;
mod lessons;
mod network;
pub(crate) mod progress;
pub(crate) mod stage;
pub(crate) mod text;

use udpraw::error::{Error, Result};

use self::stage::{Scene, Stage};
use self::text::{Text, Words};

pub(crate) use self::lessons::LESSONS;

/// A chapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chapter {
    /// Finding the way: addresses and ports.
    Finding,
    /// How a port number is chosen.
    Ports,
    /// The socket and its calls.
    Socket,
    /// What UDP leaves to the program.
    Unreliable,
    /// Beyond the book.
    Beyond,
}

impl Chapter {
    /// Every chapter, in order.
    pub(crate) const ALL: [Self; 5] = [
        Self::Finding,
        Self::Ports,
        Self::Socket,
        Self::Unreliable,
        Self::Beyond,
    ];
}

/// A lesson.
#[derive(Debug)]
pub(crate) struct Lesson {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    pub(crate) chapter: Chapter,
    /// Its texts.
    pub(crate) words: fn(&dyn Text) -> Words,
    /// Which of the choices is right.
    pub(crate) answer: usize,
    /// Makes it happen; fails if what happens is not what the lesson claims.
    pub(crate) run: fn(&mut Show) -> Result<()>,
    /// A command to try.
    pub(crate) attempt: &'static str,
    /// Where it is documented: a man page or an RFC.
    pub(crate) source: &'static str,
}

/// A sentence with its values, in any language.
pub(crate) type Sentence = Box<dyn Fn(&dyn Text) -> String>;

/// What a lesson shows.
#[derive(Default)]
pub(crate) struct Show {
    /// What its programs did.
    pub(crate) scene: Scene,
    /// What happened, from the run's own values.
    pub(crate) seen: Vec<Sentence>,
}

impl Show {
    /// States what happened.
    pub(crate) fn say(&mut self, sentence: impl Fn(&dyn Text) -> String + 'static) {
        self.seen.push(Box::new(sentence));
    }

    /// Ends the programs, and takes what they did.
    pub(crate) fn close(&mut self, stage: Stage) {
        let scene = stage.close();
        self.scene.calls.extend(scene.calls);
        self.scene.untraced = scene.untraced.or(self.scene.untraced.take());
    }
}

impl Lesson {
    /// The lesson of that name.
    pub(crate) fn find(name: &str) -> Result<&'static Self> {
        let found = LESSONS.iter().find(|lesson| lesson.name == name);
        found.ok_or_else(|| {
            let names: Vec<_> = LESSONS.iter().map(|lesson| lesson.name).collect();
            Error::invalid("find", "lesson", format!("no '{}'", name.escape_debug()))
                .with_remedy(format!("the lessons are: {}", names.join(", ")))
        })
    }

    /// Makes it happen.
    pub(crate) fn show(&self) -> Result<Show> {
        let mut show = Show::default();
        (self.run)(&mut show)?;
        Ok(show)
    }
}
