//! The body of an answer, watched by a timer.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use futures_core::Stream;
use maestro_core::Result;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    HttpSettings,
    failure::{self, Peer, Timer},
};

/// The chunks of a body, until it ends, breaks, or is silent for too long.
///
/// What counts is the time for which somebody *waits*, so a slow reader is not mistaken for a silent server. There is
/// one timer for the whole body. It is armed by the first wait, and when it fires too early, because bytes came
/// meanwhile, it is armed anew: a stream that flows costs one look at the clock per wait and no timer operation, not even
/// a poll of the timer.
pub(super) struct TimedBody<S> {
    chunks: S,
    peer: Peer,
    /// Which timer runs, and for how long.
    timer: Timer,
    limit: Duration,
    /// The limit of the timer that runs once the first byte is there.
    idle_limit: Duration,
    /// What the settings said of the timer that runs, for the error.
    told_limit: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Whom the alarm wakes.
    woken: Option<Waker>,
    ended: bool,
}

impl<S> TimedBody<S> {
    pub(super) fn new(chunks: S, peer: Peer, first_byte_left: Duration, settings: &HttpSettings) -> Self {
        Self {
            chunks,
            peer,
            timer: Timer::FirstByte,
            limit: first_byte_left,
            idle_limit: settings.idle_timeout,
            told_limit: settings.first_byte_timeout,
            waiting_since: None,
            alarm: None,
            woken: None,
            ended: false,
        }
    }

    /// Whether the wait that goes on has been too long; if not, the task is woken when it is.
    fn is_overdue(&mut self, context: &mut Context<'_>) -> bool {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        // A limit beyond the calendar is no limit.
        let Some(deadline) = since.checked_add(self.limit) else { return false };
        let wakes_this_task = self.woken.as_ref().is_some_and(|waker| waker.will_wake(context.waker()));
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if wakes_this_task && !alarm.is_elapsed() && alarm.deadline() <= deadline {
            // It goes off in time, and then it is looked at again.
            return false;
        }
        self.woken = Some(context.waker().clone());
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= deadline {
                return true;
            }
            alarm.as_mut().reset(deadline);
        }
        // An alarm that stands later than the deadline, after the change to a shorter limit, would come too late.
        if alarm.deadline() > deadline {
            alarm.as_mut().reset(deadline);
            return alarm.as_mut().poll(context).is_ready();
        }
        false
    }
}

impl<S> Stream for TimedBody<S>
where
    S: Stream<Item = reqwest::Result<Bytes>> + Unpin,
{
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        match Pin::new(&mut this.chunks).poll_next(context) {
            Poll::Ready(Some(Ok(bytes))) => {
                this.waiting_since = None;
                if matches!(this.timer, Timer::FirstByte) {
                    this.timer = Timer::Idle;
                    (this.limit, this.told_limit) = (this.idle_limit, this.idle_limit);
                }
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.ended = true;
                Poll::Ready(Some(Err(failure::of_body(error, &this.peer))))
            }
            Poll::Ready(None) => {
                this.ended = true;
                Poll::Ready(None)
            }
            Poll::Pending if this.is_overdue(context) => {
                this.ended = true;
                Poll::Ready(Some(Err(failure::timed_out(&this.peer, this.timer, this.told_limit))))
            }
            Poll::Pending => Poll::Pending,
        }
    }
}
