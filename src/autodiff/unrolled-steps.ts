/**
 * Loops of more steps stay loops, with a gradient that is one: written out, ONNX Runtime takes seconds to load them, and each step's
 * values are nodes of their own. Shorter ones run faster written out.
 */
export const UNROLLED_STEPS = 64;
