import ByteFormats
import Kernels

/// A foreign model as one of ours, and what became of its tensors.
public struct ImportedModel: Sendable {
    /// The model.
    public let encoder: DualEncoder
    /// Tensors that became parameters.
    public let tensorCount: Int
    /// Element types of the tensors, as safetensors names them, sorted.
    public let elementTypes: [String]
    /// Tensors that do not take part in an embedding.
    public let ignoredTensors: [String]
    /// Tensors taken although their shape differs from the table's: one number in another number of brackets.
    public let reshapedTensors: [String]
    /// Tensors nothing is known about; empty unless they were allowed.
    public let unusedTensors: [String]
}

extension ForeignCheckpoint {
    /// Reads all weights, F32, F16, BF16 or F64, as F32.
    ///
    /// Every missing, misshapen and unused tensor is reported together. A missing or misshapen one is always refused, an unused
    /// one unless `allowsUnusedTensors`: it usually means that the model computes something more.
    public func importModel(allowsUnusedTensors: Bool = false) throws(EncodersError) -> ImportedModel {
        let architecture = try DualEncoderArchitecture(configuration)
        let layout = architecture.layout
        var problems: [String] = []
        var reshaped: [String] = []
        var taken: Set<String> = []
        var elements: Set<String> = []
        var places: [(place: ForeignTensors.Place, arrangement: ForeignNaming.Arrangement, target: Target)] = []
        for row in naming.rows(configuration) {
            let target = Target(row.parameters, in: layout)
            guard let tensor = row.tensors.first(where: { tensors[$0.name] != nil }), let place = tensors[tensor.name]
            else {
                problems.append("'\(row.tensors[0].name)' is missing")
                continue
            }
            taken.insert(tensor.name)
            let expected = target.foreignShape(tensor.arrangement)
            if place.entry.shape != expected {
                guard target.range.count == 1, place.entry.elementCount == 1 else {
                    problems.append("'\(tensor.name)' has shape \(place.entry.shape), must be \(expected)")
                    continue
                }
                reshaped.append("\(tensor.name) \(place.entry.shape) as \(expected)")
            }
            elements.insert(place.entry.element.rawValue)
            places.append((place, tensor.arrangement, target))
        }
        let others = tensors.names.filter { !taken.contains($0) }
        let unused = others.filter { !naming.isIgnored($0) }
        if !allowsUnusedTensors {
            problems += unused.map { "'\($0)' is not used by this architecture" }
        }
        guard problems.isEmpty else {
            let shown = problems.prefix(24).joined(separator: "; ")
            throw EncodersError(
                .weightMismatch,
                "\(shown)\(problems.count > 24 ? "; and \(problems.count - 24) more" : ""): weights and description are of different models, or of one this build does not compute",
                at: directory)
        }
        let parameters = FloatBuffer(count: layout.totalCount)
        for (place, arrangement, target) in places {
            do {
                try target.fill(parameters, from: place, arrangement)
            } catch {
                throw EncodersError(
                    .fileAccess, "tensor '\(place.entry.name)' could not be read as floats", at: place.file.path,
                    cause: error)
            }
        }
        return ImportedModel(
            encoder: try DualEncoder(architecture: architecture, owned: parameters), tensorCount: places.count,
            elementTypes: elements.sorted(), ignoredTensors: others.filter(naming.isIgnored),
            reshapedTensors: reshaped, unusedTensors: unused)
    }
}

/// Parameters that follow each other in the flat buffer and come from one tensor.
private struct Target {
    let range: Range<Int>
    /// Of the parameters joined along the first axis.
    private let shape: [Int]

    init(_ names: [String], in layout: ParameterLayout) {
        let entries = names.map { name in
            guard let entry = layout[name] else { preconditionFailure("the table names no parameter: \(name)") }
            return entry
        }
        for (entry, next) in zip(entries, entries.dropFirst()) {
            precondition(entry.range.upperBound == next.offset, "\(entry.name) and \(next.name) are apart")
        }
        let first = entries[0]
        range = first.offset..<entries[entries.count - 1].range.upperBound
        shape = names.count == 1 ? first.shape : [first.shape[0] * names.count] + first.shape.dropFirst()
    }

    /// The shape the tensor must have.
    func foreignShape(_ arrangement: ForeignNaming.Arrangement) -> [Int] {
        switch arrangement {
        case .same: shape
        case .transposed: [shape[1], shape[0]]
        case .channelsSecond: [shape[0], shape[3], shape[1], shape[2]]
        }
    }

    func fill(
        _ parameters: FloatBuffer, from place: ForeignTensors.Place, _ arrangement: ForeignNaming.Arrangement
    ) throws(ByteFormatError) {
        switch arrangement {
        case .same:
            try parameters.withMutableSpan(of: range) { span throws(ByteFormatError) in
                try place.file.copyFloats(of: place.entry.name, into: &span)
            }
        case .transposed:
            try rearrange(parameters, place, groupCount: 1, rowCount: shape[1], columnCount: shape[0])
        case .channelsSecond:
            try rearrange(
                parameters, place, groupCount: shape[0], rowCount: shape[3], columnCount: shape[1] * shape[2])
        }
    }

    /// Transposes each of `groupCount` matrices [rowCount, columnCount].
    private func rearrange(
        _ parameters: FloatBuffer, _ place: ForeignTensors.Place, groupCount: Int, rowCount: Int, columnCount: Int
    ) throws(ByteFormatError) {
        let source = try place.file.floats(of: place.entry.name)
        parameters.withMutableSpan(of: range) { target in
            var index = 0
            for group in 0..<groupCount {
                let start = group * rowCount * columnCount
                for column in 0..<columnCount {
                    for row in 0..<rowCount {
                        target[index] = source[start + row * columnCount + column]
                        index += 1
                    }
                }
            }
        }
    }
}
