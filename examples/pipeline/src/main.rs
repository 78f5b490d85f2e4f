//! A million rows, of which there are never more than some hundred kilobytes: a task writes them as a stream, other tasks read
//! what has come of it, and the driver adds up what they found.

mod readings;
mod summary;

use std::collections::VecDeque;

use rustyray::prelude::*;
use summary::Summary;

const ROWS: u64 = 1_000_000;
const SEED: u64 = 7;

/// Pieces that are read at the same time. More than CPUs, so that none of them waits for the driver.
const READERS: usize = 8;

/// Readings of weather stations, as CSV, in pieces of whole lines.
#[rustyray::remote]
fn rows(count: u64, seed: u64) -> impl Iterator<Item = Vec<u8>> {
    readings::csv(count, seed)
}

/// What the rows of a piece say of each station.
#[rustyray::remote(max_retries = 1)]
fn summed_up(piece: Vec<u8>) -> Result<Summary> {
    Summary::of_csv(&piece)
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = match arguments.as_slice() {
        [] => ROWS,
        [count] => count.parse().map_err(|_| Error::msg(format!("'{count}' is no number of rows")))?,
        _ => rustyray::bail!("usage: pipeline [ROWS]"),
    };
    let (total, pieces) = add_up(count).await?;
    print!("{}", total.table());
    println!("{} rows in {pieces} pieces", total.rows());
    Ok(())
}

/// Passes each piece on to a task of its own as soon as it is there. The driver sees references, and what the tasks found.
async fn add_up(count: u64) -> Result<(Summary, usize)> {
    let mut pieces = rows.remote(count, SEED);
    let mut reading: VecDeque<ObjectRef<Summary>> = VecDeque::new();
    let (mut total, mut read) = (Summary::default(), 0);
    while let Some(piece) = pieces.next_object().await? {
        reading.push_back(summed_up.remote(piece));
        if reading.len() == READERS
            && let Some(first) = reading.pop_front()
        {
            total.add(first.await?);
            read += 1;
        }
    }
    for rest in reading {
        total.add(rest.await?);
        read += 1;
    }
    Ok((total, read))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustyray::test]
    async fn what_the_tasks_found_is_what_is_there() -> Result<()> {
        const COUNT: u64 = 50_000;
        let (total, pieces) = add_up(COUNT).await?;
        let mut expected = Summary::default();
        for piece in readings::csv(COUNT, SEED) {
            expected.add(Summary::of_csv(&piece)?);
        }
        assert_eq!((total.rows(), &total), (COUNT, &expected));
        assert!(pieces > READERS, "{pieces} pieces are no pipeline");
        Ok(())
    }

    #[rustyray::test]
    async fn a_piece_that_is_none_is_an_error_and_the_others_are_read() {
        let (broken, whole) = (summed_up.remote(b"a;b\n".to_vec()), summed_up.remote(b"a;1.0\n".to_vec()));
        assert!(broken.await.unwrap_err().to_string().contains("line 1 is no `station;degrees`"));
        assert_eq!(whole.await.unwrap().rows(), 1);
    }
}
