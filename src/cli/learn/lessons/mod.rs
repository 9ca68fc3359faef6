//! The lessons, in the order in which they are best taken.

mod automatic;
mod backoff;
mod batches;
mod bind;
mod broadcast;
mod by_hand;
mod convention;
mod corruption;
mod danger;
mod disorder;
mod duplicates;
mod flow;
mod ids;
mod loss;
mod machine;
mod mtu;
mod overflow;
mod own_port;
mod ports;
mod sendto;
mod sixteen_bits;
mod size;
mod socket;
mod tcp;
mod text;
mod waiting;

use super::Lesson;

/// Every lesson.
pub(crate) const LESSONS: &[Lesson] = &[
    machine::LESSON,
    ports::LESSON,
    flow::LESSON,
    sixteen_bits::LESSON,
    convention::LESSON,
    automatic::LESSON,
    by_hand::LESSON,
    socket::LESSON,
    bind::LESSON,
    waiting::LESSON,
    sendto::LESSON,
    own_port::LESSON,
    text::LESSON,
    size::LESSON,
    loss::LESSON,
    duplicates::LESSON,
    disorder::LESSON,
    corruption::LESSON,
    danger::LESSON,
    ids::LESSON,
    backoff::LESSON,
    tcp::LESSON,
    overflow::LESSON,
    mtu::LESSON,
    broadcast::LESSON,
    batches::LESSON,
];
