//! The rules over lines in virtual time: a queue, a capacity that changes, and
//! losses from a seed or a record.

use std::collections::VecDeque;

use super::*;

/// Milliseconds that a packet takes beside its time in the queue.
const DELAY: u64 = 20;
/// The longest queue in ms; what does not fit is dropped.
const QUEUE: f32 = 300.0;
/// Number of the packet before the first: the numbers wrap soon.
const FIRST: u16 = 65_000;

/// A line with a bottleneck, a sender that follows its plan, and a receiver that
/// reports every 200 ms.
struct Line {
    adapter: Adapter,
    now: u64,
    /// When the bottleneck is free again, in ms.
    free: f32,
    on_way: Vec<OnWay>,
    told: VecDeque<(u64, Report)>,
    sequence: u16,
    report: Report,
    /// What had arrived when the last report was made.
    told_bytes: u32,
    /// Delays of the packets of the last 320 ms beside the least.
    late: VecDeque<(u64, f32)>,
    /// Packets dropped since the last one that was not.
    missing: u16,
    random: u64,
    in_burst: bool,
    /// What the adapter planned, by the millisecond it began.
    plans: Vec<(u64, Plan)>,
}

/// A packet that is not there yet, nor lost.
struct OnWay {
    /// When it comes, in ms.
    due: f32,
    bytes: usize,
    sequence: u16,
    /// Packets dropped between it and the one before it.
    missing: u16,
}

/// What the line does: capacity in bits a second (0 is enough for all), share
/// lost, mean run of loss, and jitter in ms.
#[derive(Clone, Copy)]
struct Weather {
    capacity: f32,
    loss: f32,
    run: f32,
    jitter: f32,
}

const CLEAN: Weather = Weather {
    capacity: 0.0,
    loss: 0.0,
    run: 1.0,
    jitter: 0.0,
};

impl Line {
    fn new(seed: u64) -> Self {
        Self {
            adapter: Adapter::new(Format::Protected),
            now: 0,
            free: 0.0,
            on_way: Vec::new(),
            told: VecDeque::new(),
            sequence: FIRST,
            report: Report {
                highest: FIRST,
                ..Report::default()
            },
            told_bytes: 0,
            late: VecDeque::new(),
            missing: 0,
            random: seed,
            in_burst: false,
            plans: Vec::new(),
        }
    }

    fn uniform(&mut self) -> f32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 40) as f32 / (1 << 24) as f32
    }

    /// Lets the weather last for so many seconds.
    fn run(&mut self, seconds: u64, weather: Weather) {
        let end = self.now + seconds * 1_000;
        while self.now < end {
            self.take_reports();
            let plan = self.adapter.plan();
            if self.plans.last().is_none_or(|(_, last)| *last != plan) {
                self.plans.push((self.now, plan));
            }
            let packet_ms = plan.samples as u64 / 48;
            self.now += packet_ms;
            self.send(plan, weather);
            self.arrive();
            if self.now % 200 < packet_ms {
                self.tell();
            }
        }
    }

    fn send(&mut self, plan: Plan, weather: Weather) {
        let frame = plan.settings.rate as usize * plan.samples / 48_000 / 8;
        let parts = |window: &Window| window.head_bytes() + window.symbols() * frame;
        let bytes = 1 + frame + plan.windows.iter().map(parts).sum::<usize>();
        self.adapter.sent(bytes, Duration::from_millis(self.now));
        self.sequence = self.sequence.wrapping_add(1);
        let now = self.now as f32;
        let queued = (self.free - now).max(0.0);
        let dropped = self.drops(weather) || queued > QUEUE;
        if dropped {
            self.missing += 1;
            return;
        }
        let mut due = now + queued;
        if weather.capacity > 0.0 {
            due += (bytes + HEADER_BYTES) as f32 * 8e3 / weather.capacity;
            self.free = due;
        }
        let jitter = (self.uniform() + self.uniform()) * weather.jitter;
        self.late.push_back((self.now, due - now + jitter));
        due += jitter + DELAY as f32;
        self.on_way.push(OnWay {
            due,
            bytes,
            sequence: self.sequence,
            missing: std::mem::take(&mut self.missing),
        });
    }

    fn drops(&mut self, weather: Weather) -> bool {
        let draw = self.uniform();
        let leave = 1.0 / weather.run;
        let enter = leave * weather.loss / (1.0 - weather.loss);
        if weather.run <= 1.0 {
            return draw < weather.loss;
        }
        self.in_burst = if self.in_burst {
            draw >= leave
        } else {
            draw < enter
        };
        self.in_burst
    }

    fn arrive(&mut self) {
        let now = self.now as f32;
        self.on_way.sort_by(|a, b| a.due.total_cmp(&b.due));
        let here = self.on_way.partition_point(|packet| packet.due <= now);
        for packet in self.on_way.drain(..here) {
            let report = &mut self.report;
            report.bytes += (packet.bytes + HEADER_BYTES) as u32;
            // Only a later packet shows what is missing.
            report.lost = report.lost.wrapping_add(packet.missing);
            report.runs += u16::from(packet.missing > 0);
            if packet.sequence.wrapping_sub(report.highest) < u16::MAX / 2 {
                (report.highest, report.clock_ms) = (packet.sequence, packet.due as u16);
            } else {
                report.overtaken += 1;
            }
        }
    }

    fn tell(&mut self) {
        // During an outage there is nothing to tell, and no way to.
        if self.report.bytes == self.told_bytes {
            return;
        }
        self.told_bytes = self.report.bytes;
        let now = self.now;
        self.late.retain(|(at, _)| at + 320 > now);
        let queue = self.late.iter().map(|(_, late)| *late);
        let report = Report {
            queue_ms: queue.reduce(f32::min).unwrap_or(0.0) as u16,
            ..self.report
        };
        // Some reports are lost with their packets.
        if self.uniform() > 0.2 {
            self.told.push_back((self.now + DELAY, report));
        }
    }

    fn take_reports(&mut self) {
        while self.told.front().is_some_and(|(at, _)| *at <= self.now) {
            if let Some((_, report)) = self.told.pop_front() {
                self.adapter
                    .on_report(report, Duration::from_millis(self.now));
            }
        }
    }

    fn name(&self) -> &'static str {
        self.adapter.plan().name
    }

    /// Share of the time since `from` in which a plan with this name held.
    fn share_of(&self, from: u64, wanted: impl Fn(&Plan) -> bool) -> f32 {
        let ends = self.plans.iter().skip(1).map(|(at, _)| *at);
        let spans = self.plans.iter().zip(ends.chain([self.now]));
        let held: u64 = spans
            .filter(|((_, plan), _)| wanted(plan))
            .map(|((at, _), end)| end.max(from) - (*at).max(from))
            .sum();
        held as f32 / (self.now - from) as f32
    }

    /// When a plan like this was first held after `from`, in ms after it.
    fn first(&self, from: u64, wanted: impl Fn(&Plan) -> bool) -> Option<u64> {
        let found = |(at, plan): &&(u64, Plan)| *at >= from && wanted(plan);
        self.plans.iter().find(found).map(|(at, _)| at - from)
    }
}

#[test]
fn a_clean_call_gets_the_full_band_without_any_redundancy() {
    let mut line = Line::new(1);
    assert_eq!(line.name(), "start");
    line.run(30, CLEAN);
    assert_eq!(line.name(), "clean");
    let plan = line.adapter.plan();
    assert_eq!(plan.settings.band, crate::codec::Band::Full);
    assert!(plan.windows.is_empty());
    assert!(plan.settings.rate <= 32_000);
}

#[test]
fn random_loss_gets_more_redundancy_the_more_there_is() {
    for (loss, expected) in [
        (0.05, "moderate"),
        (0.1, "moderate"),
        (0.2, "heavy"),
        (0.32, "severe"),
    ] {
        for seed in 0..5 {
            let mut line = Line::new(seed);
            line.run(10, CLEAN);
            line.run(40, Weather { loss, ..CLEAN });
            let share = line.share_of(15_000, |plan| plan.name == expected);
            assert!(share > 0.6, "{loss} {seed}: {share}");
            let soon = line.first(10_000, |plan| !plan.windows.is_empty());
            assert!(soon.is_some_and(|ms| ms < 1_500), "{loss} {soon:?}");
            line.run(25, CLEAN);
            assert_eq!(line.name(), "clean");
        }
    }
}

#[test]
fn bursts_get_distant_copies() {
    for seed in 0..5 {
        let mut line = Line::new(seed);
        let weather = Weather {
            loss: 0.2,
            run: 5.0,
            ..CLEAN
        };
        line.run(40, weather);
        let distant = |plan: &Plan| plan.windows.iter().any(|window| window.last() >= 12);
        let share = line.share_of(8_000, distant);
        assert!(share > 0.8, "{share}");
    }
}

#[test]
fn where_answers_come_in_time_less_is_sent_beforehand() {
    let bursts = Weather {
        loss: 0.2,
        run: 5.0,
        ..CLEAN
    };
    let severe = Weather {
        loss: 0.33,
        ..CLEAN
    };
    for (weather, packets, expected) in [
        (severe, 3, "severe, answered"),
        (severe, 9, "severe"),
        (bursts, 4, "bursts, answered"),
        (bursts, 9, "long bursts"),
    ] {
        let mut line = Line::new(1);
        for _ in 0..40 {
            line.adapter.answered_after(packets);
            line.run(1, weather);
        }
        let share = line.share_of(10_000, |plan| plan.name == expected);
        assert!(share > 0.6, "{expected}: {share}");
    }
}

#[test]
fn a_full_line_carries_nothing_again() {
    let mut line = Line::new(1);
    line.run(20, Weather { loss: 0.1, ..CLEAN });
    assert!(line.adapter.plan().again > 0);
    let full = Weather {
        capacity: 60_000.0,
        loss: 0.1,
        ..CLEAN
    };
    line.run(20, full);
    assert!(line.share_of(25_000, |plan| plan.again == 0) > 0.8);
}

#[test]
fn a_drop_of_capacity_is_followed_and_so_is_its_return() {
    let mut line = Line::new(3);
    line.run(10, CLEAN);
    let narrow = Weather {
        capacity: 24_000.0,
        ..CLEAN
    };
    line.run(40, narrow);
    let wire = |plan: &Plan| {
        let packets = 48_000.0 / plan.samples as f32;
        plan.settings.rate as f32 + packets * 8.0 * (HEADER_BYTES + 1) as f32
    };
    let soon = line.first(10_000, |plan| wire(plan) < 24_000.0);
    assert!(soon.is_some_and(|ms| ms < 1_500), "{soon:?}");
    let fits = line.share_of(13_000, |plan| wire(plan) <= 25_500.0);
    assert!(fits > 0.9, "{fits}");
    let used = line.share_of(16_000, |plan| wire(plan) >= 18_000.0);
    assert!(used > 0.8, "{used}");
    assert!(line.adapter.plan().windows.is_empty());
    let returned = line.now;
    line.run(60, CLEAN);
    assert_eq!(line.name(), "clean");
    let back = line.first(returned, |plan| plan.name == "clean");
    assert!(back.is_some_and(|ms| ms < 45_000), "{back:?}");
}

#[test]
fn it_does_not_swing_on_a_narrow_line() {
    let mut line = Line::new(4);
    let narrow = Weather {
        capacity: 40_000.0,
        ..CLEAN
    };
    line.run(120, narrow);
    let changes = line
        .plans
        .windows(2)
        .filter(|pair| pair[0].0 > 20_000 && pair[0].1.samples != pair[1].1.samples)
        .count();
    assert!(
        changes <= 8,
        "{changes} changes of the frame length in 100 s"
    );
    let mut late: Vec<f32> = line.late.iter().map(|(_, late)| *late).collect();
    late.sort_by(f32::total_cmp);
    assert!(late[late.len() / 2] < 120.0);
}

#[test]
fn jitter_is_no_congestion_and_gets_redundancy_once_packets_are_overtaken() {
    for (jitter, expected) in [(9.0, "clean"), (30.0, "reordering"), (60.0, "reordering")] {
        for seed in 0..5 {
            let mut line = Line::new(seed);
            line.run(60, Weather { jitter, ..CLEAN });
            let share = line.share_of(5_000, |plan| plan.name == expected);
            assert!(share > 0.95, "{jitter}: {share}");
            let soon = line.first(0, |plan| plan.name == expected).unwrap();
            assert!(soon < 2_500 || expected == "clean", "{jitter}: {soon}");
            line.run(20, CLEAN);
            assert_eq!(line.name(), "clean", "{jitter}");
        }
    }
}

#[test]
fn loss_on_a_line_that_is_wide_enough_is_no_congestion() {
    let mut line = Line::new(6);
    let weather = Weather {
        capacity: 200_000.0,
        loss: 0.3,
        ..CLEAN
    };
    line.run(40, weather);
    assert!(line.share_of(5_000, |plan| plan.samples == FRAME_SAMPLES) == 1.0);
}

#[test]
fn the_narrowest_line_with_loss_gets_in_band_fec_in_long_frames() {
    let mut line = Line::new(7);
    let weather = Weather {
        capacity: 20_000.0,
        loss: 0.15,
        ..CLEAN
    };
    line.run(40, weather);
    let plan = line.adapter.plan();
    assert!(plan.samples > FRAME_SAMPLES, "{plan:?}");
    assert!(plan.settings.fec_percent > 3, "{plan:?}");
}

#[test]
fn a_narrow_line_with_loss_gets_repair_in_longer_frames() {
    let mut line = Line::new(9);
    let weather = Weather {
        capacity: 60_000.0,
        loss: 0.1,
        ..CLEAN
    };
    line.run(60, weather);
    let repaired = |plan: &Plan| !plan.windows.is_empty() && plan.samples > FRAME_SAMPLES;
    let share = line.share_of(10_000, repaired);
    assert!(share > 0.8, "{share}");
}

#[test]
fn an_outage_is_not_answered_with_redundancy() {
    let mut line = Line::new(8);
    line.run(10, CLEAN);
    let outage = Weather {
        loss: 0.999_99,
        ..CLEAN
    };
    line.run(2, outage);
    line.run(10, CLEAN);
    assert!(line.share_of(12_500, |plan| plan.name == "clean") > 0.6);
}

#[test]
fn rtcp_alone_leads_to_in_band_fec_or_copies() {
    let at = |seconds| Duration::from_secs(seconds);
    let mut plain = Adapter::new(Format::Opus);
    let mut redundant = Adapter::new(Format::Red { opus: 111 });
    for second in 0..5 {
        plain.on_rtcp(0.15, at(second));
        redundant.on_rtcp(0.15, at(second));
    }
    assert_eq!(plain.plan().settings.fec_percent, 15);
    assert!(plain.plan().windows.is_empty());
    assert!(redundant.plan().windows.iter().all(Window::is_copy));
    assert_eq!(redundant.plan().windows.len(), 2);
    for second in 5..60 {
        plain.on_rtcp(0.0, at(second));
        redundant.on_rtcp(0.0, at(second));
    }
    assert_eq!(plain.plan().settings.fec_percent, 0);
    assert!(redundant.plan().windows.is_empty());
}

#[test]
fn plain_opus_gets_deep_redundancy_under_heavy_loss_only() {
    let mut adapter = Adapter::new(Format::Opus);
    adapter.on_rtcp(0.12, Duration::from_secs(1));
    assert_eq!(adapter.plan().to_string(), "plain, loss: in-band FEC");
    adapter.on_rtcp(0.25, Duration::from_secs(2));
    let heavy = "plain, heavy loss: in-band FEC, deep redundancy";
    assert_eq!(adapter.plan().to_string(), heavy);
    assert!(adapter.plan().settings.rate <= 48_000);
}

#[test]
fn a_plan_says_in_words_what_it_sends() {
    let words = |point: usize| {
        let mut adapter = Adapter::new(Format::Protected);
        adapter.change(point);
        adapter.plan().to_string()
    };
    assert_eq!(words(0), "clean");
    assert_eq!(words(3), "moderate: 1 symbol of 5");
    assert_eq!(words(5), "severe: 2 symbols of 9");
    assert_eq!(words(8), "long bursts: a copy at 6, a copy at 12");
}

#[test]
fn an_overtaken_report_changes_nothing() {
    let mut adapter = Adapter::new(Format::Protected);
    let report = |highest, lost| Report {
        highest,
        lost,
        runs: lost,
        clock_ms: highest * 20,
        ..Report::default()
    };
    adapter.on_report(report(100, 0), Duration::from_secs(1));
    adapter.on_report(report(120, 0), Duration::from_secs(2));
    adapter.on_report(report(110, 60_000), Duration::from_secs(3));
    adapter.on_report(report(120, 60_000), Duration::from_secs(4));
    assert!(adapter.plan().windows.is_empty());
}
