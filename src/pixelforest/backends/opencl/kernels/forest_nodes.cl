// Nodes in preorder: the left child is the next node. SLOT_BITS and NODE_WORDS: see lower.py.

#if NODE_WORDS == 2
typedef uint2 Node;
#define RIGHT(node) ((int)((node).y >> SLOT_BITS))
#else
typedef uint4 Node;
#define RIGHT(node) ((int)(node).z)
#endif
#define SLOT(node) (((node).y & ((1u << SLOT_BITS) - 1)) >> 1)
