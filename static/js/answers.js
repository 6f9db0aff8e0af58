// Reads beside a live topic: of two answers the older may come last, and an answer may be older than what the topic told while it was under way.

/** Answers in the order of their questions. */
export class Answers {
  #asked = 0;
  #taken = 0;

  /** What `answer` comes to; null when a later one has been taken already. */
  async next(answer) {
    const mine = (this.#asked += 1);
    const got = await answer;
    if (mine < this.#taken) return null;
    this.#taken = mine;
    return got;
  }

  /** Whatever is under way now comes too late. */
  overtake() {
    this.#taken = this.#asked += 1;
  }
}

/** Rows that are read by HTTP and kept by a topic: `replace(answer)` puts all of them, `change(...news)` tells of one. */
export class Followed {
  #answers = new Answers();
  #reading = new Set();

  constructor(replace, change) {
    this.replace = replace;
    this.change = change;
  }

  /** Takes an answer, and again over it what the topic told meanwhile: the answer may not know it yet. */
  async read(answer) {
    const meanwhile = [];
    this.#reading.add(meanwhile);
    try {
      const got = await this.#answers.next(answer);
      if (got === null) return;
      this.replace(got);
      for (const news of meanwhile) this.change(...news);
    } finally {
      this.#reading.delete(meanwhile);
    }
  }

  snapshot(data) {
    this.#answers.overtake();
    this.replace(data);
  }

  told(...news) {
    for (const meanwhile of this.#reading) meanwhile.push(news);
    this.change(...news);
  }
}
