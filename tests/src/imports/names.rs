//! The paths in a source that may lead into its own crate, by a small tokenizer.

/// A path in a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Name {
    /// Modules written out within the file around it.
    pub(super) inline: Vec<String>,
    /// Its parts.
    pub(super) path: Vec<String>,
    /// Whether it stands in a `use`.
    pub(super) is_use: bool,
    /// The name by which a `use` makes it known; none for `*`.
    pub(super) known_as: Option<String>,
}

/// A word, `::`, or any other sign.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Colons,
    Sign(char),
}

impl Token {
    fn is(&self, word: &str) -> bool {
        matches!(self, Self::Word(found) if found == word)
    }
}

/// The tokens of a source, without comments, strings, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let (mut tokens, mut i) = (Vec::new(), 0);
    while i < chars.len() {
        match (at(i), at(i + 1)) {
            ('/', '/') => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            ('/', '*') => i = after_comment(&chars, i),
            ('"', _) => i = after_quoted(&chars, i),
            ('\'', _) if at(i + 1) == '\\' || at(i + 2) == '\'' => i = after_quoted(&chars, i),
            (':', ':') => {
                tokens.push(Token::Colons);
                i += 2;
            }
            (c, _) if c.is_alphanumeric() || c == '_' => {
                let start = i;
                while at(i).is_alphanumeric() || at(i) == '_' {
                    i += 1;
                }
                let word: String = chars[start..i].iter().collect();
                match word.as_str() {
                    "r" | "br" | "cr" if at(i) == '"' || at(i) == '#' => i = after_raw(&chars, i),
                    "b" | "c" if at(i) == '"' || at(i) == '\'' => {}
                    _ => tokens.push(Token::Word(word)),
                }
            }
            (c, _) => {
                if !c.is_whitespace() {
                    tokens.push(Token::Sign(c));
                }
                i += 1;
            }
        }
    }
    tokens
}

/// The place after a comment that begins at `start` and may hold others.
fn after_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0_usize, start);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (depth, i) = (depth + 1, i + 2),
            ('*', Some('/')) => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The place after a string or character whose first quote is at `start`.
fn after_quoted(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != chars[start] {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The place after a raw string whose `#`s and quote begin at `start`; of a raw identifier that after its `#`.
fn after_raw(chars: &[char], start: usize) -> usize {
    let hashes = chars[start..].iter().take_while(|&&c| c == '#').count();
    let mut i = start + hashes;
    if chars.get(i) != Some(&'"') {
        return i;
    }
    let ends =
        |i: usize| chars[i] == '"' && chars[i + 1..].iter().take_while(|&&c| c == '#').count() >= hashes;
    i += 1;
    while i < chars.len() && !ends(i) {
        i += 1;
    }
    i + 1 + hashes
}

/// All paths of a source that may lead into its own crate.
pub(super) fn names_in(text: &str) -> Vec<Name> {
    let tokens = tokens(text);
    let (mut names, mut scopes, mut i) = (Vec::new(), Vec::new(), 0);
    while i < tokens.len() {
        let next = tokens.get(i + 1);
        match &tokens[i] {
            Token::Word(word) if word == "mod" && tokens.get(i + 2) == Some(&Token::Sign('{')) => {
                let Some(Token::Word(name)) = next else {
                    i += 1;
                    continue;
                };
                scopes.push(Some(name.clone()));
                i += 3;
            }
            Token::Word(word) if word == "use" && next != Some(&Token::Sign('<')) => {
                let inline: Vec<String> = scopes.iter().flatten().cloned().collect();
                i = use_tree(&tokens, i + 1, &Name { inline, is_use: true, ..Name::default() }, &mut names);
            }
            Token::Word(word)
                if matches!(word.as_str(), "crate" | "super" | "self") && next == Some(&Token::Colons) =>
            {
                let mut path = vec![word.clone()];
                let start = i;
                while let (Some(Token::Colons), Some(Token::Word(part))) =
                    (tokens.get(i + 1), tokens.get(i + 2))
                {
                    path.push(part.clone());
                    i += 2;
                }
                i += 1;
                // `pub(in ..)` says who may see something.
                let is_visibility =
                    start > 1 && tokens[start - 1].is("in") && tokens[start - 2] == Token::Sign('(');
                if !is_visibility {
                    let inline = scopes.iter().flatten().cloned().collect();
                    names.push(Name { inline, path, ..Name::default() });
                }
            }
            Token::Sign('{') => {
                scopes.push(None);
                i += 1;
            }
            Token::Sign('}') => {
                scopes.pop();
                i += 1;
            }
            _ => i += 1,
        }
    }
    names
}

/// Reads a `use` tree from `start` on, below `prefix`, and gives the place after it.
fn use_tree(tokens: &[Token], start: usize, prefix: &Name, names: &mut Vec<Name>) -> usize {
    let (mut name, mut i) = (prefix.clone(), start);
    loop {
        match tokens.get(i) {
            Some(Token::Colons) => i += 1,
            Some(Token::Word(word)) if word == "as" => {
                if let Some(Token::Word(known)) = tokens.get(i + 1) {
                    name.known_as = Some(known.clone());
                }
                i += 2;
            }
            Some(Token::Word(word)) => {
                // `{self}` is what stands before it.
                if word != "self" || name.path.is_empty() {
                    name.path.push(word.clone());
                }
                name.known_as = name.path.last().cloned();
                i += 1;
            }
            Some(Token::Sign('*')) => {
                name.known_as = None;
                i += 1;
            }
            Some(Token::Sign('{')) => {
                i += 1;
                while !matches!(tokens.get(i), None | Some(Token::Sign('}'))) {
                    i = use_tree(tokens, i, &name, names);
                    if tokens.get(i) == Some(&Token::Sign(',')) {
                        i += 1;
                    }
                }
                return i + 1;
            }
            _ => break,
        }
    }
    if !name.path.is_empty() {
        names.push(name);
    }
    i
}
