//! Holding a mean: what moves the set point, and what does not wind it up.

use super::*;

const OCCUPANCY: Occupancy =
    Occupancy { slots: 10.0, free: 5.0, busy: 5.0, reactive: 5.0, queued: 0.0, handle_time: 300.0, patience: 60.0 };

#[test]
fn what_is_missed_in_the_mean_moves_the_set_point() {
    let mut point = SetPoint::default();
    for _ in 0..150 {
        point.learn(0.5, 0.5, 2.0, &OCCUPANCY);
    }
    // One handle time with half a slot missing, less what has faded of it.
    assert!((point.fill_to(7.0) - 7.5).abs() < 0.5 / 30.0, "{}", point.fill_to(7.0));
}

#[test]
fn a_door_that_stands_open_does_not_wind_up_the_set_point() {
    let mut point = SetPoint::default();
    for _ in 0..10_000 {
        point.learn(5.0, 1.0, 2.0, &OCCUPANCY);
    }
    // It moved while the recent past still knew a closed door, and not beyond what chance makes of
    // ten slots.
    assert!(point.fill_to(7.0) < 7.0 + 2.0 + 2.0 * libm::sqrt(10.0) + 1e-9);
    let wound = point.fill_to(7.0);
    point.learn(5.0, 1.0, 2.0, &OCCUPANCY);
    assert!((wound - 0.01..=wound).contains(&point.fill_to(7.0)));
}

#[test]
fn two_that_were_started_at_different_times_come_to_agree() {
    let mut points = [SetPoint::default(), SetPoint { offset: 3.0, open: 0.0 }];
    for refresh in 0..150 * 60 {
        for point in &mut points {
            point.learn(if refresh % 2 == 0 { 0.5 } else { -0.5 }, 0.5, 2.0, &OCCUPANCY);
        }
    }
    let [one, other] = points.map(|point| point.fill_to(7.0));
    assert!((one - other).abs() < 3.0 * libm::exp(-1.9), "{one}, {other}");
}
