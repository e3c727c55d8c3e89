//! What every sampled item must hold, over many samples.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::engine::{keys, lexicons, templates};
use super::hearing::{mishear, mishear_pieces, respell};
use super::tasks::{Task, copy_drill, pairs};
use super::{NamePool, Topic, is_held_out, names, sample, template_count};

#[test]
fn tables_are_whole() {
    assert!(template_count() >= 108);
    for (name, rows) in lexicons() {
        for row in rows {
            for cell in &row.cells {
                assert!(!cell.is_empty(), "{name}: {row:?}");
                assert!(cell.iter().all(|form| !form.trim().is_empty()), "{row:?}");
            }
            assert_eq!(row.cells[0].len(), row.forms.len() + 1, "{name}: {row:?}");
        }
    }
    for topic in Topic::ALL {
        assert!(templates(topic).len() >= 12, "{topic:?}");
        for template in templates(topic) {
            assert!(!template.questions.is_empty(), "{template:?}");
            for english in &template.english {
                let bound = keys(english);
                let mut others = vec![
                    template.german,
                    template.spanish,
                    template.french,
                    template.continuation,
                    template.reply,
                ];
                for (question, answer) in &template.questions {
                    others.extend([question, answer]);
                }
                others.extend(template.fields.iter().map(|(_, value)| *value));
                for other in others {
                    assert!(!other.trim().is_empty(), "{template:?}");
                    assert!(keys(other).is_subset(&bound), "{english} <> {other}");
                }
            }
        }
    }
}

#[test]
fn name_pools_are_disjoint() {
    let train: BTreeSet<_> = names(NamePool::Train).iter().collect();
    let test: BTreeSet<_> = names(NamePool::Test).iter().collect();
    assert!(train.len() >= 250 && train.len() == names(NamePool::Train).len());
    assert!(test.len() >= 60 && test.len() == names(NamePool::Test).len());
    assert!(train.is_disjoint(&test));
}

#[test]
fn samples_hold_what_is_promised() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut vocabulary = BTreeSet::new();
    let mut texts = BTreeSet::new();
    let (mut held_out, mut named, mut length) = (0, 0, 0);
    let count = 200_000;
    for index in 0..count {
        let pool = if index % 10 == 0 { NamePool::Test } else { NamePool::Train };
        let item = sample(&mut rng, pool);
        let mut all =
            vec![&item.text, &item.german, &item.spanish, &item.french, &item.continuation, &item.reply];
        for (question, answer) in &item.questions {
            all.extend([question, answer]);
        }
        all.extend(item.fields.iter().map(|(_, value)| value));
        for text in all {
            assert!(!text.is_empty() && !text.contains(['{', '}', '|', ';']), "{item:?}");
            assert!(!text.contains("  ") && text.trim() == text, "{item:?}");
        }
        assert!(!item.questions.is_empty());
        assert!(
            item.text.chars().all(|one| one.is_ascii_lowercase() || one == ' ' || one == '\''),
            "{item:?}"
        );
        for (_, value) in &item.fields {
            assert!(item.text.contains(value.as_str()), "{item:?}");
        }
        for name in &item.names {
            assert!(names(pool).contains(&name.as_str()));
            assert!(item.text.split(' ').any(|word| word == name), "{item:?}");
        }
        let words = item.text.split(' ').count();
        assert!((3..=18).contains(&words), "{item:?}");
        length += words;
        held_out += usize::from(is_held_out(&item.text));
        named += usize::from(!item.names.is_empty());
        vocabulary.extend(item.text.split(' ').map(str::to_owned));
        texts.insert(item.text);
    }
    let share = |part: usize| part as f64 / f64::from(count);
    assert!(vocabulary.len() >= 1500, "{} words", vocabulary.len());
    assert!(texts.len() >= 100_000, "{} sentences", texts.len());
    assert!((0.06..0.11).contains(&share(held_out)), "{}", share(held_out));
    assert!((0.15..0.35).contains(&share(named)), "{}", share(named));
    assert!((5.0..9.0).contains(&share(length)), "{}", share(length));
}

#[test]
fn pairs_are_filled_and_spelling_is_repaired() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let (mut kept, mut spelled) = (0, 0);
    for _ in 0..20_000 {
        let item = sample(&mut rng, NamePool::Train);
        for pair in pairs(&item, &mut rng) {
            assert!(!pair.input.is_empty() && !pair.target.is_empty(), "{pair:?}");
            assert!(!pair.instruction.contains(['{', '}']), "{pair:?}");
            if pair.task == Task::Spell {
                spelled += 1;
                kept += usize::from(pair.input == pair.target);
                assert_eq!(pair.target, item.text);
            }
        }
        let drill = copy_drill(&mut rng);
        assert_eq!(drill.input, drill.target);
        assert!(drill.input.split(' ').all(|word| !word.is_empty()), "{drill:?}");
    }
    assert!(kept * 100 > spelled * 10 && kept * 100 < spelled * 20);
    for name in names(NamePool::Train) {
        assert_ne!(&respell(name, &mut rng), name);
    }
}

#[test]
fn misheard_text_is_damaged_but_never_empty() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let text = "remind anita to call sebastian on saturday";
    let mut changed = 0;
    for _ in 0..200 {
        let heard = mishear(text, &mut rng);
        assert!(!heard.trim().is_empty());
        assert!(heard.split(' ').count() <= text.split(' ').count());
        changed += usize::from(heard != text);
        assert!(!mishear("go", &mut rng).is_empty());
    }
    assert!((100..200).contains(&changed), "{changed} of 200");
}

#[test]
fn misheard_pieces_are_damaged_but_never_gone() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let pieces: Vec<u32> = (100..120).collect();
    let (mut changed, mut length) = (0, 0);
    for _ in 0..200 {
        let heard = mishear_pieces(&pieces, 3..1000, &mut rng);
        assert!(heard.iter().all(|id| (3..1000).contains(id)));
        changed += usize::from(heard != pieces);
        length += heard.len();
        assert!(!mishear_pieces(&[7], 3..1000, &mut rng).is_empty());
    }
    assert!((120..200).contains(&changed), "{changed} of 200");
    assert!((200 * 18..200 * 21).contains(&length), "{length} pieces in 200 texts");
}

#[test]
fn invented_names_are_in_no_pool_and_in_all_languages() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut seen = std::collections::BTreeSet::new();
    let mut drawn = 0;
    for _ in 0..2_000 {
        let item = sample(&mut rng, NamePool::Invented);
        for name in item.names {
            for pool in [NamePool::Train, NamePool::Test] {
                assert!(!names(pool).contains(&name.as_str()), "{name}");
            }
            assert!(item.text.contains(&name), "{name} is not in `{}`", item.text);
            drawn += 1;
            seen.insert(name);
        }
    }
    assert!(seen.len() * 10 > drawn * 8, "{} different of {drawn}", seen.len());
}
