/* Memory of the machine, in the manner of the SDK's port for the chip, and what of it is alive. */

#include "xsAll.h"

#include "pool.h"

Pool gPool;
Peak gPeak;
Refusal gRefusal = { "", 0 };

void makePool(txSize bytes)
{
	gPool.start = aligned_alloc(sizeof(txSlot), (size_t)bytes);
	if (!gPool.start)
		exit(1);
	gPool.end = gPool.start + bytes;
	gPool.chunksEnd = gPool.start;
	gPool.slotsStart = gPool.end;
}

/* Returns the pool of the machine that shares another one; the other one has the host's memory. */
static Pool *poolOf(txMachine *the)
{
	return the->sharedMachine ? &gPool : C_NULL;
}

static void *refuse(const char *kind, txSize bytes)
{
	gRefusal.kind = kind;
	gRefusal.bytes = bytes;
	return C_NULL;
}

void *fxAllocateChunks(txMachine *the, txSize bytes)
{
	Pool *pool = poolOf(the);
	txBlock *block = the->firstBlock;
	txSize missing = bytes;
	if (!pool)
		return c_malloc(bytes);
	/* There is one block. What is free at its end counts for the request, which includes a head for a second block. */
	if (block)
		missing -= sizeof(txBlock) + (txSize)(block->limit - block->current);
	if (pool->slotsStart - pool->chunksEnd < missing)
		return refuse("chunk", missing);
	pool->chunksEnd += missing;
	if (!block)
		return pool->start;
	/* The engine adds the size of the request to both. */
	block->limit = pool->chunksEnd - bytes;
	the->maximumChunksSize += missing - bytes;
	return block->limit;
}

txSlot *fxAllocateSlots(txMachine *the, txSize count)
{
	Pool *pool = poolOf(the);
	txSize bytes = count * sizeof(txSlot);
	if (!pool)
		return c_malloc(bytes);
	if (pool->slotsStart - pool->chunksEnd < bytes && the->firstBlock) {
		/* Compacts the chunks, and takes what is then free at their end. */
		txBlock *block = the->firstBlock;
		fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
		the->maximumChunksSize -= (txSize)(block->limit - block->current);
		block->limit = block->current;
		pool->chunksEnd = block->current;
	}
	if (pool->slotsStart - pool->chunksEnd < bytes)
		return refuse("slots", bytes);
	pool->slotsStart -= bytes;
	return (txSlot *)pool->slotsStart;
}

void fxFreeChunks(txMachine *the, void *chunks)
{
	if (!poolOf(the))
		c_free(chunks);
}

void fxFreeSlots(txMachine *the, void *slots)
{
	if (!poolOf(the))
		c_free(slots);
}

/* Measurement */

void measureLive(txMachine *the)
{
	txSize bytes = the->currentHeapCount * (txSize)sizeof(txSlot) + the->currentChunksSize;
	if (gPeak.bytes >= bytes)
		return;
	gPeak.bytes = bytes;
	gPeak.slots = the->currentHeapCount;
	gPeak.chunkBytes = the->currentChunksSize;
}

static void collectBeforeAllocation(txMachine *the)
{
	if (!gPool.isForced || !poolOf(the) || !(the->collectFlag & XS_COLLECTING_FLAG))
		return;
	fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
	measureLive(the);
}

/* The linker redirects the engine's calls to these (`--wrap`), except those within xsMemory.c. */
extern txSlot *__real_fxNewSlot(txMachine *the);
extern void *__real_fxNewChunk(txMachine *the, txSize bytes);
extern void *__real_fxNewGrowableChunk(txMachine *the, txSize bytes, txSize capacity);

txSlot *__wrap_fxNewSlot(txMachine *the)
{
	collectBeforeAllocation(the);
	return __real_fxNewSlot(the);
}

void *__wrap_fxNewChunk(txMachine *the, txSize bytes)
{
	collectBeforeAllocation(the);
	return __real_fxNewChunk(the, bytes);
}

void *__wrap_fxNewGrowableChunk(txMachine *the, txSize bytes, txSize capacity)
{
	collectBeforeAllocation(the);
	return __real_fxNewGrowableChunk(the, bytes, capacity);
}
