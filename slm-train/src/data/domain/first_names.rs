//! First names: one pool for training and a disjoint one for tests.

use std::sync::LazyLock;

use rand::{Rng, RngExt};

use super::entry::Entry;
use super::{NamePool, invented};

/// Names for training.
pub(super) static TRAIN: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| TRAIN_TEXT.split_whitespace().collect());

/// Names that training never sees.
pub(super) static TEST: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| TEST_TEXT.split_whitespace().collect());

const TRAIN_TEXT: &str = "
aaron abigail adam adrian agnes aiden alan albert alexander alfred alice alicia alison amanda
amber amelia amir amy ana andrea andrew angela anita anna annabel anthony antonio archie ariana
arthur ashley astrid audrey austin barbara beatrice benjamin bernard bianca blake brandon brenda
brian bridget bruce caleb cameron camila carl carla carlos carmen caroline carter cassandra
catherine cecilia charles charlotte chloe christian christina christopher claire clara claudia
colin connor cora craig crystal curtis cynthia daisy damian daniel daphne david deborah declan
denise dennis derek diana diego dominic donald dorothy douglas duncan dylan edgar edith edward
eleanor elena elias elijah elizabeth ella ellen emily emma eric erica ernest esther ethan eva
evan evelyn fatima felix fernando fiona florence frances francesca frank franklin frederick
gabriel gareth gavin george gerald gloria gordon grace graham grant gregory greta hannah harold
harriet harry harvey hassan hazel heather hector heidi helen henry howard hugo ian ibrahim ingrid
irene isaac isabella ivan ivy jack jacob jacqueline jade james jamal jane janet jasmine jason
jennifer jeremy jessica joan joel johanna john jonathan jordan joseph joshua joyce juan judith
julia julian juliet karen karim kate katrina keith kelly kenneth kevin kimberly kyle laura lauren
lawrence layla leah leonard leo leon leslie liam lillian linda lisa logan louis louise lucas lucy
luis lydia madeline malcolm marcus margaret maria marie marilyn mario marissa mark martha martin
mason matilda matthew maurice max maya megan melanie melissa mia michael michelle miguel miles
miriam mohammed molly monica morgan muhammad nadia nancy naomi natalie nathan neil nicholas nicole
nigel nina noah nora norman olga olive oliver olivia omar oscar owen pablo pamela patricia patrick
paul paula pedro penelope peter philip phoebe priya rachel ralph ramona raymond rebecca regina
ricardo richard riley robert robin roger ronald rosa rose rosemary ross roy ruby russell ruth ryan
sabrina samantha samuel sandra sara sebastian sergio shannon sharon sheila simon sofia sonia sophie
spencer stanley stella stephanie stephen steven stuart susan sylvia tamara tanya teresa theodore
thomas tiffany timothy tobias trevor tyler ursula valerie vanessa vera veronica victor victoria
vincent violet virginia vivian walter wanda warren wendy wesley william winston xavier yasmin
yolanda yusuf zachary zoe
";

const TEST_TEXT: &str = "
adele alvin angus arnold belinda bertha brendan calvin camilla celeste clarence clifford corinne
darius delia desmond edmund elaine elliot eloise emmanuel eugene fabian felicity fergus florian
freya gilbert gwen helena herbert imogen iris ismael jerome josephine justin katherine kieran
lenora leopold lorenzo lucinda magnus marcella marina maximilian mina mitchell nadine nelson
odette orlando pauline quentin rafael reginald rosalind rufus salma selena serena sidney silas
tabitha terence tristan vernon wilfred winifred yvonne zelda
";

/// Draws a name; the form `de` is with the preposition of possession (`von`, `de`, `d'`).
pub(super) fn draw<R: Rng>(pool: NamePool, rng: &mut R) -> Entry {
    let name = match pool {
        NamePool::Invented => invented::name(rng),
        NamePool::Train | NamePool::Test => {
            let all = super::names(pool);
            all[rng.random_range(0..all.len())].to_owned()
        }
    };
    let mut letters = name.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let elided = match name.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'u') => format!("d'{capital}"),
        Some('y') if name.starts_with("yv") => format!("d'{capital}"),
        _ => format!("de {capital}"),
    };
    Entry {
        forms: vec!["de"],
        cells: [
            vec![name.clone(), format!("of {name}")],
            vec![capital.clone(), format!("von {capital}")],
            vec![capital.clone(), format!("de {capital}")],
            vec![capital, elided],
        ],
    }
}
