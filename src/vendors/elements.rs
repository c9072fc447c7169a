//! Headers that are a list of `name=value`, with commas between them.

/// Such a list, in its order. Spaces around an element do not count.
pub fn elements(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(',').filter_map(|element| element.trim().split_once('='))
}

/// The value of the name that is given once.
pub fn once<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut values = elements(header).filter(|(found, _)| *found == name);
    let (_, value) = values.next()?;
    if values.next().is_some() { None } else { Some(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_as_they_stand() {
        let found: Vec<_> = elements("t=1, v1=a=b,v1=c,x,=d").collect();
        assert_eq!(found, [("t", "1"), ("v1", "a=b"), ("v1", "c"), ("", "d")]);
        assert_eq!((once("t=1,v=2,v=3", "t"), once("v=2,v=3", "v"), once("", "t")), (Some("1"), None, None));
    }
}
