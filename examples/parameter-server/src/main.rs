//! A network learns to read handwritten digits: an actor holds the parameters of each layer, tasks compute gradients on
//! shards of the data. The driver says who works on what, for all rounds beforehand, and sees neither parameters nor
//! gradients pass.

mod digits;
mod gallery;
mod network;
mod plot;
mod server;

use digits::Digits;
use plot::Point;
use rustyray::prelude::*;
use server::ParameterServer;

const ROUNDS: usize = 100;

/// Gradient tasks of a round.
const SHARDS: usize = 8;

const DATA: &str = "/data/digits.csv";
const PLOT: &str = "/picture/loss.svg";

/// The gradient of each layer over a shard, and the loss, as references of their own: each goes elsewhere.
#[rustyray::remote(num_returns = 3, grants = [])]
fn gradient(hidden: Vec<f32>, output: Vec<f32>, shard: Digits) -> (Vec<f32>, Vec<f32>, f64) {
    let network::Gradient { layers: [hidden, output], loss } = network::gradient(&hidden, &output, &shard);
    (hidden, output, loss)
}

/// What a network takes each of the digits for, and its loss over them.
#[rustyray::remote(grants = [])]
fn evaluate(hidden: Vec<f32>, output: Vec<f32>, digits: Digits) -> (Vec<u8>, f64) {
    let reading = network::read(&hidden, &output, &digits);
    (reading.labels, reading.loss)
}

/// What is known of a round when it is over.
struct Round {
    losses: Vec<ObjectRef<f64>>,
    test: ObjectRef<(Vec<u8>, f64)>,
}

#[rustyray::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = match arguments.as_slice() {
        [] => ROUNDS,
        [rounds] => rounds.parse().map_err(|_| Error::msg(format!("'{rounds}' is no number of rounds")))?,
        _ => rustyray::bail!("usage: parameter-server [ROUNDS]"),
    };
    let all = Digits::read(DATA)?;
    let (shards, test) = all.split(SHARDS);
    let learnt = all.len() - test.len();
    let rounds = train(&shards, &test, learnt, rounds).await?;
    let (curve, labels) = watch(rounds, &test, learnt).await?;
    print!("\n{}", gallery::shown(&test, &labels));
    plot::write(PLOT, &curve)
}

/// Submits all rounds. Each is made of references to what the round before will give.
async fn train(shards: &[Digits], test: &Digits, learnt: usize, rounds: usize) -> Result<Vec<Round>> {
    let mut data = Vec::new();
    for shard in shards {
        data.push(rustyray::put(shard.clone()).await?);
    }
    let test = rustyray::put(test.clone()).await?;
    let servers = [0, 1].map(ParameterServer::remote);
    let mut weights = servers.each_ref().map(|server| server.weights());
    let mut all = Vec::new();
    for _ in 0..=rounds {
        let [hidden, output] = &weights;
        let test = evaluate.remote(hidden, output, &test);
        let (mut gradients, mut losses) = ([Vec::new(), Vec::new()], Vec::new());
        for shard in &data {
            let (of_hidden, of_output, loss) = gradient.remote(hidden, output, shard);
            gradients[0].push(of_hidden);
            gradients[1].push(of_output);
            losses.push(loss);
        }
        all.push(Round { losses, test });
        let [of_hidden, of_output] = gradients;
        weights = [servers[0].apply(of_hidden, learnt), servers[1].apply(of_output, learnt)];
    }
    Ok(all)
}

/// Waits for round after round. What it gives in the end is what the network takes the test's digits for.
async fn watch(rounds: Vec<Round>, test: &Digits, learnt: usize) -> Result<(Vec<Point>, Vec<u8>)> {
    println!("{:>5}  {:>8}  {:>9}  right of {}", "round", "loss", "test loss", test.len());
    let (mut curve, mut labels) = (Vec::new(), Vec::new());
    for (number, round) in rounds.into_iter().enumerate() {
        let loss: f64 = rustyray::get_all(&round.losses).await?.iter().sum();
        let (read, test_loss) = round.test.await?;
        let right = read.iter().zip(test.labelled()).filter(|(read, (_, label))| *read == label).count();
        let (loss, test_loss) = (loss / learnt as f64, test_loss / test.len() as f64);
        let right = right as f64 / test.len() as f64;
        if number % 10 == 0 {
            println!("{number:>5}  {loss:>8.4}  {test_loss:>9.4}  {:>6.1} %", right * 100.0);
        }
        curve.push(Point { loss, test_loss, right });
        labels = read;
    }
    Ok((curve, labels))
}
