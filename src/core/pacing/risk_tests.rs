//! The marginal risk: both forms against each other and against sums written out.

use super::*;

/// The risk of one more when a Poisson number with this mean enters, by summing everything there is
/// to sum.
fn risk_by_brute_force(seats: &Seats, mean: f64) -> f64 {
    let mut sum = 0.0;
    let mut entering = exp(-mean);
    for entered in 0..400_u32 {
        let busy = seats.busy as u32;
        for freed in 0..=busy {
            let ways = (0..freed).fold(1.0, |ways, number| ways * f64::from(busy - number) / f64::from(number + 1));
            let freeing = ways
                * libm::pow(seats.ending, f64::from(freed))
                * libm::pow(1.0 - seats.ending, f64::from(busy - freed));
            let place = f64::from(entered) + 1.0 - (seats.free - seats.queued + f64::from(freed));
            let pressure = place.max(0.0) * seats.impatience;
            sum += entering * freeing * pressure / (1.0 + pressure);
        }
        entering *= mean / f64::from(entered + 1);
    }
    sum
}

fn situations() -> impl Iterator<Item = Seats> {
    let rooms =
        [(0.0, 1.0, 0.0), (0.0, 5.0, 2.0), (2.0, 3.0, 0.0), (0.0, 30.0, 0.0), (1.0, 29.0, 0.0), (0.0, 30.0, 4.0)];
    rooms.into_iter().flat_map(|(free, busy, queued)| {
        [0.001, 0.02, 0.3].map(|ending| Seats { free, busy, queued, ending, impatience: 5.0 / (free + busy) })
    })
}

#[test]
fn the_exact_form_is_the_sum_over_all_that_can_happen() {
    for seats in situations() {
        for limit in [0.1, 1.0, 4.0] {
            let room = exact(&seats, 0.0, limit);
            let summed = risk_by_brute_force(&seats, limit);
            assert!((room.risk_of_all / summed - 1.0).abs() < 1e-6, "{seats:?}: {} is not {summed}", room.risk_of_all);
        }
    }
}

#[test]
fn so_many_enter_that_one_more_is_worth_the_price() {
    let mut between = 0;
    for seats in situations() {
        for price in [0.01, 0.05, 0.3] {
            let room = exact(&seats, price, 20.0);
            if room.mean > 0.0 && room.mean < 20.0 {
                between += 1;
                let risk = risk_by_brute_force(&seats, room.mean);
                assert!((risk / price - 1.0).abs() < 1e-3, "{seats:?} at {price}: {risk} with {}", room.mean);
            }
        }
    }
    assert!(between > 15, "{between} cases were not at an end of the range");
}

#[test]
fn the_normal_form_comes_close_to_the_exact_one_where_groups_are_large() {
    for (free, busy, queued) in [(0.0, 200.0, 0.0), (10.0, 190.0, 0.0), (0.0, 200.0, 8.0)] {
        let seats = Seats { free, busy, queued, ending: 0.05, impatience: 5.0 / 200.0 };
        let (exact, normal) = (exact(&seats, 0.1, 23.0), normal(&seats, 0.1, 23.0));
        assert!((exact.mean - normal.mean).abs() < 0.7, "{seats:?}: {} and {}", exact.mean, normal.mean);
    }
}

#[test]
fn numbers_too_large_for_the_sums_are_left_to_the_normal_form() {
    let seats = Seats { free: 0.0, busy: 1_000.0, queued: 0.0, ending: 0.1, impatience: 5.0 / 1_000.0 };
    assert_eq!(exact(&seats, 0.1, 200.0), normal(&seats, 0.1, 200.0));
    let seats = Seats { free: 100.0, busy: 10.0, ..seats };
    assert_eq!(exact(&seats, 0.1, 200.0), normal(&seats, 0.1, 200.0));
}

#[test]
fn nobody_enters_at_no_price_and_everyone_at_any_price() {
    for seats in situations() {
        for form in [exact, normal] {
            assert!(form(&seats, 1.0, 50.0).mean > 49.999, "{seats:?}");
            assert!(form(&seats, 1e-12, 5.0).mean < 2.1, "{seats:?}");
        }
    }
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    prop_compose! {
        fn any_seats()(
            free in prop_oneof![Just(0.0), 0.0..10_000.0_f64],
            busy in prop_oneof![Just(0.0), Just(1.0), 0.0..40.0_f64, 0.0..1e10],
            queued in prop_oneof![Just(0.0), 0.0..10_000.0_f64],
            ending in prop_oneof![Just(0.0), Just(1.0), 0.0..1.0_f64],
            impatience in prop_oneof![1e-12..1.0_f64, 1.0..1e12],
        ) -> Seats {
            Seats { free: free.floor(), busy: busy.floor(), queued: queued.floor(), ending, impatience }
        }
    }

    proptest! {
        #[test]
        fn any_situation_has_an_answer_in_range(seats in any_seats(), price in 0.0..1.0_f64, limit in 0.0..1e6_f64) {
            for form in [exact, normal] {
                let room = form(&seats, price, limit);
                prop_assert!((0.0..=limit).contains(&room.mean), "{room:?}");
                prop_assert!((0.0..=1.0 + 1e-9).contains(&room.risk_of_all), "{room:?}");
            }
        }

        #[test]
        fn a_higher_price_never_lets_fewer_in(seats in any_seats(), price in 0.0..0.5_f64, limit in 0.0..20.0_f64) {
            for form in [exact, normal] {
                let (low, high) = (form(&seats, price, limit).mean, form(&seats, 2.0 * price, limit).mean);
                prop_assert!(high >= low - 1e-3, "{low} at {price}, {high} at twice that");
            }
        }
    }
}
