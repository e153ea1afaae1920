/** More classes of a column are no classes. */
export const MOST_CLASSES = 2 ** 16;

/** Whether a number of a column is a class label. */
export const isClassLabel = (label: number, count = MOST_CLASSES): boolean =>
  Number.isInteger(label) && label >= 0 && label < count;

/** What is said of one that is none. */
export const NO_CLASS_LABEL = 'is no class label, which are whole numbers from 0';
