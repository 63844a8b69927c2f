/** Messages on their way out, kept in IndexedDB until the server has them: a reload or a dead battery loses none. */

import type { OutgoingMessage } from "./protocol";

export interface QueuedMessage extends OutgoingMessage {
  /** Rises with each message of this browser; the order of sending. */
  order: number;
  at: string;
  /** Whose message: the widget and the identity it was written under. */
  scope: string;
  /** Why it will not be sent again by itself; absent while it waits. */
  failed?: string;
}

export interface MessageQueue {
  add(message: Omit<QueuedMessage, "order">): Promise<QueuedMessage>;
  list(scope: string): Promise<QueuedMessage[]>;
  update(message: QueuedMessage): Promise<void>;
  remove(clientMsgId: string): Promise<void>;
  clear(): Promise<void>;
}

const STORE = "outgoing";

/** The durable queue; `order` is the store's own counter, so tabs share one sequence. */
export class IndexedDbQueue implements MessageQueue {
  private constructor(private readonly database: IDBDatabase) {}

  static async open(factory: IDBFactory, name = "yiti-widget"): Promise<IndexedDbQueue> {
    const request = factory.open(name, 1);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { keyPath: "order", autoIncrement: true });
      store.createIndex("client_msg_id", "client_msg_id", { unique: true });
    };
    return new IndexedDbQueue(await done(request));
  }

  async add(message: Omit<QueuedMessage, "order">): Promise<QueuedMessage> {
    const order = await this.write((store) => store.add(message));
    return { ...message, order: Number(order) };
  }

  async list(scope: string): Promise<QueuedMessage[]> {
    const store = this.database.transaction(STORE, "readonly").objectStore(STORE);
    const all = (await done(store.getAll())) as QueuedMessage[];
    return all.filter((message) => message.scope === scope);
  }

  async update(message: QueuedMessage): Promise<void> {
    await this.write((store) => store.put(message));
  }

  async remove(clientMsgId: string): Promise<void> {
    const transaction = this.database.transaction(STORE, "readwrite");
    const store = transaction.objectStore(STORE);
    const key = await done(store.index("client_msg_id").getKey(clientMsgId));
    if (key !== undefined) await done(store.delete(key));
  }

  async clear(): Promise<void> {
    await this.write((store) => store.clear());
  }

  private async write<T>(operation: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const transaction = this.database.transaction(STORE, "readwrite", { durability: "strict" });
    const result = operation(transaction.objectStore(STORE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error ?? new Error("IndexedDB failed"));
      transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB aborted"));
    });
    return result.result;
  }
}

/** The queue where a browser forbids storage: it lives as long as the page. */
export class MemoryQueue implements MessageQueue {
  private messages: QueuedMessage[] = [];
  private next = 1;

  add(message: Omit<QueuedMessage, "order">): Promise<QueuedMessage> {
    const queued = { ...message, order: this.next++ };
    this.messages.push(queued);
    return Promise.resolve(queued);
  }

  list(scope: string): Promise<QueuedMessage[]> {
    return Promise.resolve(this.messages.filter((message) => message.scope === scope));
  }

  update(message: QueuedMessage): Promise<void> {
    this.messages = this.messages.map((one) => (one.order === message.order ? message : one));
    return Promise.resolve();
  }

  remove(clientMsgId: string): Promise<void> {
    this.messages = this.messages.filter((message) => message.client_msg_id !== clientMsgId);
    return Promise.resolve();
  }

  clear(): Promise<void> {
    this.messages = [];
    return Promise.resolve();
  }
}

export async function openQueue(): Promise<MessageQueue> {
  try {
    return await IndexedDbQueue.open(indexedDB);
  } catch {
    return new MemoryQueue();
  }
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
