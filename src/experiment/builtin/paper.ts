/** Where the paper's figures come from. */
export const PAPER = 'Tiwary and Aananth, "1st-Order Magic: Analysis of Sharpness-Aware Minimization"';
