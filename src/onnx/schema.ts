import type { INamespace } from 'protobufjs';

/**
 * The messages of the ONNX format as a protobufjs descriptor.
 * Field numbers, types and packing: ONNX specification, `onnx.proto` (proto2: repeated scalars are unpacked unless said).
 * Fields that are not listed survive a round trip as unknown fields.
 */
type Field = { id: number; type: string; rule?: string; options?: Record<string, unknown> };

const one = (id: number, type: string): Field => ({ id, type });
const many = (id: number, type: string): Field => ({
  id,
  type,
  rule: 'repeated',
  options: { packed: false },
});
const packed = (id: number, type: string): Field => ({
  id,
  type,
  rule: 'repeated',
  options: { packed: true },
});

const message = (fields: Record<string, Field>) => ({ fields });

export const onnxSchema: INamespace = {
  options: { syntax: 'proto2' },
  nested: {
    ModelProto: message({
      irVersion: one(1, 'int64'),
      producerName: one(2, 'string'),
      producerVersion: one(3, 'string'),
      domain: one(4, 'string'),
      modelVersion: one(5, 'int64'),
      docString: one(6, 'string'),
      graph: one(7, 'GraphProto'),
      opsetImport: many(8, 'OperatorSetIdProto'),
      metadataProps: many(14, 'StringStringEntryProto'),
      trainingInfo: many(20, 'TrainingInfoProto'),
      functions: many(25, 'FunctionProto'),
    }),
    OperatorSetIdProto: message({ domain: one(1, 'string'), version: one(2, 'int64') }),
    StringStringEntryProto: message({ key: one(1, 'string'), value: one(2, 'string') }),
    TrainingInfoProto: message({
      initialization: one(1, 'GraphProto'),
      algorithm: one(2, 'GraphProto'),
      initializationBinding: many(3, 'StringStringEntryProto'),
      updateBinding: many(4, 'StringStringEntryProto'),
    }),
    FunctionProto: message({
      name: one(1, 'string'),
      input: many(4, 'string'),
      output: many(5, 'string'),
      attribute: many(6, 'string'),
      node: many(7, 'NodeProto'),
      docString: one(8, 'string'),
      opsetImport: many(9, 'OperatorSetIdProto'),
      domain: one(10, 'string'),
      attributeProto: many(11, 'AttributeProto'),
      valueInfo: many(12, 'ValueInfoProto'),
      overload: one(13, 'string'),
      metadataProps: many(14, 'StringStringEntryProto'),
    }),
    GraphProto: message({
      node: many(1, 'NodeProto'),
      name: one(2, 'string'),
      initializer: many(5, 'TensorProto'),
      docString: one(10, 'string'),
      input: many(11, 'ValueInfoProto'),
      output: many(12, 'ValueInfoProto'),
      valueInfo: many(13, 'ValueInfoProto'),
      quantizationAnnotation: many(14, 'TensorAnnotation'),
      sparseInitializer: many(15, 'SparseTensorProto'),
      metadataProps: many(16, 'StringStringEntryProto'),
    }),
    TensorAnnotation: message({
      tensorName: one(1, 'string'),
      quantParameterTensorNames: many(2, 'StringStringEntryProto'),
    }),
    NodeProto: message({
      input: many(1, 'string'),
      output: many(2, 'string'),
      name: one(3, 'string'),
      opType: one(4, 'string'),
      attribute: many(5, 'AttributeProto'),
      docString: one(6, 'string'),
      domain: one(7, 'string'),
      overload: one(8, 'string'),
      metadataProps: many(9, 'StringStringEntryProto'),
    }),
    AttributeProto: message({
      name: one(1, 'string'),
      f: one(2, 'float'),
      i: one(3, 'int64'),
      s: one(4, 'bytes'),
      t: one(5, 'TensorProto'),
      g: one(6, 'GraphProto'),
      floats: many(7, 'float'),
      ints: many(8, 'int64'),
      strings: many(9, 'bytes'),
      tensors: many(10, 'TensorProto'),
      graphs: many(11, 'GraphProto'),
      docString: one(13, 'string'),
      tp: one(14, 'TypeProto'),
      typeProtos: many(15, 'TypeProto'),
      type: one(20, 'int32'),
      refAttrName: one(21, 'string'),
      sparseTensor: one(22, 'SparseTensorProto'),
      sparseTensors: many(23, 'SparseTensorProto'),
    }),
    ValueInfoProto: message({
      name: one(1, 'string'),
      type: one(2, 'TypeProto'),
      docString: one(3, 'string'),
      metadataProps: many(4, 'StringStringEntryProto'),
    }),
    TypeProto: message({
      tensorType: one(1, 'TensorTypeProto'),
      sequenceType: one(4, 'SequenceTypeProto'),
      mapType: one(5, 'MapTypeProto'),
      denotation: one(6, 'string'),
      sparseTensorType: one(8, 'TensorTypeProto'),
      optionalType: one(9, 'SequenceTypeProto'),
    }),
    TensorTypeProto: message({ elemType: one(1, 'int32'), shape: one(2, 'TensorShapeProto') }),
    SequenceTypeProto: message({ elemType: one(1, 'TypeProto') }),
    MapTypeProto: message({ keyType: one(1, 'int32'), valueType: one(2, 'TypeProto') }),
    TensorShapeProto: message({ dim: many(1, 'DimensionProto') }),
    DimensionProto: message({
      dimValue: one(1, 'int64'),
      dimParam: one(2, 'string'),
      denotation: one(3, 'string'),
    }),
    SparseTensorProto: message({
      values: one(1, 'TensorProto'),
      indices: one(2, 'TensorProto'),
      dims: many(3, 'int64'),
    }),
    TensorProto: message({
      dims: many(1, 'int64'),
      dataType: one(2, 'int32'),
      floatData: packed(4, 'float'),
      int32Data: packed(5, 'int32'),
      stringData: many(6, 'bytes'),
      int64Data: packed(7, 'int64'),
      name: one(8, 'string'),
      rawData: one(9, 'bytes'),
      doubleData: packed(10, 'double'),
      uint64Data: packed(11, 'uint64'),
      docString: one(12, 'string'),
      externalData: many(13, 'StringStringEntryProto'),
      dataLocation: one(14, 'int32'),
      metadataProps: many(16, 'StringStringEntryProto'),
    }),
  },
};
