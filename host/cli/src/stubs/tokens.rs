//! The words of a type, one after the other. Modules spell their types as they like, so that nothing is taken for one that is not
//! understood to the last character.

/// Types inside one another. Those that people write have a handful.
const NESTING_MAX: u32 = 64;

/// What is left of a type's text.
pub struct Tokens<'a> {
    rest: &'a str,
    depth: u32,
}

/// Why a type cannot be written.
pub type Refusal = String;

impl<'a> Tokens<'a> {
    pub fn new(text: &'a str) -> Self {
        Tokens { rest: text.trim_start(), depth: 0 }
    }

    /// Is this next? Then it is taken.
    pub fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    /// Takes this.
    ///
    /// # Errors
    /// Something else is next.
    pub fn expect(&mut self, token: &str) -> Result<(), Refusal> {
        if self.take(token) { Ok(()) } else { Err(self.refusal()) }
    }

    /// Takes a name of letters, digits, '_' and what `also` allows.
    ///
    /// # Errors
    /// None is next.
    pub fn name(&mut self, also: impl Fn(char) -> bool) -> Result<&'a str, Refusal> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || also(c))).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return Err(self.refusal());
        }
        self.rest = rest.trim_start();
        Ok(name)
    }

    /// Takes a number, if one is next.
    pub fn number(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        (!number.is_empty()).then_some(number)
    }

    /// What `each` reads, with commas between, up to and with this token.
    ///
    /// # Errors
    /// Something else is there.
    pub fn list<T>(
        &mut self,
        end: &str,
        mut each: impl FnMut(&mut Self) -> Result<T, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(each(self)?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    /// Reads what is one level deeper.
    ///
    /// # Errors
    /// It is too deep, or what `read` finds.
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        if self.depth >= NESTING_MAX {
            return Err("its types are nested too deeply".to_owned());
        }
        self.depth += 1;
        let found = read(self);
        self.depth -= 1;
        found
    }

    /// What is left.
    pub fn rest(&self) -> &'a str {
        self.rest
    }

    /// # Errors
    /// Something is left.
    pub fn end(&self) -> Result<(), Refusal> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    fn refusal(&self) -> Refusal {
        let at: String = self.rest.chars().take(20).collect();
        let at = if at.is_empty() { "the end of the type".to_owned() } else { format!("'{}'", at.escape_debug()) };
        format!("{at} cannot be written in a stub")
    }
}
