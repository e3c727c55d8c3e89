//! English words that are asked for by themselves: how they are spelled and what they mean.

use std::sync::LazyLock;

/// The words.
pub(super) static WORDS: LazyLock<Vec<&'static str>> = LazyLock::new(|| TEXT.split_whitespace().collect());

const TEXT: &str = "
ability absence accident account achieve across action active actual address adventure advice
afraid agree allow almost amazing ancient angle announce answer anxious apologize appear approach
argue arrange arrive article artist athlete attempt attention author autumn available average
avoid award balance barrel basic basket battle beautiful become beginning behaviour believe
benefit beyond bicycle blanket border borrow bottle bottom branch brave breathe bridge brilliant
broken bubble budget bullet bureau business busy button cabin calculate calendar camera campaign
candle capture career careful carpet castle category cattle ceiling celebrate cemetery century
certain challenge champion chapter character chemical chimney choice circle circus citizen civil
climate climb clumsy coast collect colleague column comfort committee common company compare
compete complain complete concept conclude conscience consider construct contain continue control
convince copper corner correct cottage council country courage create creature criminal crisis
critical crowd cruel culture curious current custom damage dangerous daughter deadline deceive
decide decorate definite degree delicate deliver demand depend describe desert deserve design
desire destroy detail develop diamond dictionary different difficult dinosaur disappear discipline
discover discuss disease distance divide double dozen dragon drama drawer dream during eager
eagle echo economy educate effect effort eighth either elbow elegant element elevator embarrass
emotion empire employ enemy energy engine enormous enough entire environment equal equipment
escape especially estimate eternal evening event evidence exact example excellent except exchange
excuse exercise exhibit exist expand expect expensive experience explain explore express extreme
fabric factory familiar famous fascinate fashion feather figure final finger flavour float foreign
forever forgive formal fortune forward fountain fragile freedom frequent frighten frontier future
galaxy gather genius gentle genuine ghost giant global govern gradual grammar grateful gravity
grocery guarantee guard guess guide habit handle harbour harmony harvest height helicopter heritage
hesitate history honest horizon hospital humble humour hundred hungry hurricane identity ignore
imagine immediate impact important impossible improve include increase incredible independent
industry influence inform innocent insect inspire instant instead intelligent interest invent
invite island jealous jewel journey judge jungle justice kingdom knee knife knight knock knowledge
label ladder language laughter layer leader league leather legend leisure lesson liberty lightning
liquid listen literature locate logic loyal luggage machine magazine magic magnet maintain manage
manner marble margin marriage measure medal medicine medium melody member memory mention mercy
method million mineral minor miracle mirror mischief mission mistake mixture modern moment monster
monument mortgage motion mountain muscle mystery narrow nation natural necessary neither nephew
nerve network neutral nonsense normal notice novel nuclear object observe obvious occasion occur
ocean offer official operate opinion opportunity orchestra ordinary organize original outcome
oxygen package palace parade parallel pardon parliament particular passenger patient pattern pause
peculiar perfect perform permanent permit personal persuade phantom photograph physical picture
pioneer pirate planet pleasant plenty poison polite popular population portrait position possess
possible poverty power practical praise precious prefer prepare present pressure pretend previous
prison private privilege problem process produce profession progress promise pronounce proper
protect proud provide psychology public purchase purpose puzzle quality quantity quarrel quarter
queue quote raise random rapid rarely reason receive recent recipe recognize recommend reduce
reflect refuse regret regular relax relief religion remain remarkable remember remote repair repeat
replace represent rescue research restaurant result reveal reverse reward rhythm ribbon rival
rocket romance rough rumour sacrifice safety satellite satisfy scatter schedule scheme scholar
science scissors scratch secret section secure seize separate serious several shadow shallow shelter
shoulder signal silence similar simple sincere skeleton skill society soldier solution source
sparkle special spirit splendid stomach straight strange stranger strategy strength stretch
structure struggle subtle succeed sudden suggest superb supply support surface surprise surround
survive suspect sword symbol system talent target taste temple tension terrible theatre theory
thorough thought thousand threat throughout tongue tradition tragedy transfer travel treasure
tremble triangle triumph tropical trouble truth twelfth typical unique universe unusual vacuum valley
valuable vanish variety vehicle velvet version vessel village villain vision visitor vocabulary
voice volcano volume wander weapon weird welcome whisper whistle wisdom witness wonder wooden worry
worth wrestle wrong yesterday youth
";
