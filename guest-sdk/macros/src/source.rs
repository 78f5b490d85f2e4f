//! What the source says, as text for the manifest.

use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Type};

/// A type as one would write it: `Vec<ObjectRef<i32>>`.
pub fn type_text(ty: &Type) -> String {
    let mut text = ty.to_token_stream().to_string();
    // Tokens are printed with blanks between them.
    for (blanks, none) in
        [(" < ", "<"), (" <", "<"), ("< ", "<"), (" >", ">"), (" :: ", "::"), (" ,", ","), ("( ", "("), (" )", ")")]
    {
        text = text.replace(blanks, none);
    }
    for (blanks, none) in [("[ ", "["), (" ]", "]"), (" ;", ";"), ("& ", "&"), (":: ", "::"), (" ::", "::")] {
        text = text.replace(blanks, none);
    }
    text
}

/// The first paragraph of the documentation, as one line.
pub fn first_paragraph(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(doc_text).flat_map(|text| {
        text.lines().map(|line| line.trim().to_owned()).chain(text.is_empty().then(String::new)).collect::<Vec<_>>()
    });
    let paragraph = lines.skip_while(String::is_empty).take_while(|line| !line.is_empty());
    paragraph.collect::<Vec<_>>().join(" ")
}

fn doc_text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if meta.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

/// The attributes that hold for everything that is made of an item.
pub fn conditions(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).collect()
}

/// The attributes that a reader of the documentation sees.
pub fn shown(attributes: &[Attribute]) -> Vec<&Attribute> {
    let shown = |attribute: &&Attribute| ["doc", "deprecated"].iter().any(|name| attribute.path().is_ident(name));
    attributes.iter().filter(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_people_do() {
        for text in [
            "i32",
            "Vec<ObjectRef<i32>>",
            "std::collections::HashMap<String, (u8, [u16; 4])>",
            "Option<Box<a::B>>",
            "()",
            "crate::Point",
        ] {
            assert_eq!(type_text(&syn::parse_str(text).unwrap()), text);
        }
    }

    #[test]
    fn the_first_paragraph_is_one_line() {
        let function: syn::ItemFn = syn::parse_quote! {
            /// Adds two
            /// numbers.
            ///
            /// Slowly.
            #[inline]
            fn add() {}
        };
        assert_eq!(first_paragraph(&function.attrs), "Adds two numbers.");
        assert_eq!(first_paragraph(&[]), "");
    }
}
