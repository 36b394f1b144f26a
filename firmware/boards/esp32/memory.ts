import type { MemoryUse } from "../../../modules/board/index.js";
import * as engine from "./engine/native.js";

/** `enum` of engine/engine.c. */
const HEAP_FREE = 0;
const HEAP_LOWEST = 1;
const HEAP_BLOCK = 2;
const ENGINE_SIZE = 3;
const ENGINE_USED = 4;
const ENGINE_UNTOUCHED = 5;
const ENGINE_ROOM = 6;
const TASK_STACK_LOWEST = 7;

/**
 * Free memory of the engine that a request over HTTP needs, bytes: the head of a request (4 KB as bytes, text and
 * lines), or pieces of a body.
 */
const REQUEST_BYTES = 12_288;

/** Measures the memory of the chip and of the engine. */
export function memory(): MemoryUse {
  return {
    heapFreeBytes: engine.memory(HEAP_FREE),
    heapLowestBytes: engine.memory(HEAP_LOWEST),
    heapBlockBytes: engine.memory(HEAP_BLOCK),
    engineBytes: engine.memory(ENGINE_SIZE),
    engineUsedBytes: engine.memory(ENGINE_USED),
    engineLowestBytes: engine.memory(ENGINE_UNTOUCHED),
    taskStackLowestBytes: engine.memory(TASK_STACK_LOWEST),
  };
}

/** Whether the engine has room for a request over HTTP, if need be after a collection of garbage. */
export function hasRoom(): boolean {
  if (engine.memory(ENGINE_ROOM) >= REQUEST_BYTES) return true;
  engine.collect();
  return engine.memory(ENGINE_ROOM) >= REQUEST_BYTES;
}
