#[rustyray::remote(retry_exceptions)]
fn a() {}

#[rustyray::remote(retry_exceptions = "yes")]
fn b() {}

#[rustyray::remote(retry_backoff = 100)]
fn c() {}

#[rustyray::actor(max_task_retries = "twice")]
struct D;

fn main() {}
