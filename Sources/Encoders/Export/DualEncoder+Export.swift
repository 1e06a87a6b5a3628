import ByteFormats
import Foundation
import Kernels

extension DualEncoder {
    /// Writes the model in the form of another library: weights in F32 under its names, and its description.
    ///
    /// - Parameters:
    ///   - directory: Made when missing; each file is replaced atomically.
    ///   - target: The library.
    /// - Returns: What the library's description cannot say.
    /// - Throws: `unsupportedModel` with the reasons when the library has no such model, `fileAccess` when a file cannot be
    ///   written. Traps when a tower is not there.
    public func export(toDirectory directory: String, as target: ExportTarget) throws(EncodersError) -> [String] {
        precondition(towers == .all, "only a whole model can be exported")
        let form = try ExportForm(configuration, for: target)
        let tensors = form.naming.rows(configuration).map { row in
            let target = WeightTarget(row.parameters, in: architecture.layout)
            let (name, arrangement) = row.tensors[0]
            let shape = form.shape(of: name, target.foreignShape(arrangement))
            return SafetensorsTensor(name: name, element: .float32, shape: shape) { [weights] file in
                if case .same = arrangement {
                    try weights.write(target.range, to: &file)
                } else {
                    let values = target.foreignValues(weights.joined(target.range).array, arrangement)
                    unsafe try file.write(values.span.bytes)
                }
            }
        }
        do {
            try Folder.create(directory)
            // transformers asks for the format.
            try SafetensorsFile.write(
                path: directory + "/" + target.weightsFileName, tensors: tensors, metadata: ["format": "pt"])
            for (name, value) in form.files {
                try AtomicFile.write(path: directory + "/" + name, bytes: Array(value.jsonData()))
            }
        } catch {
            throw EncodersError(
                .fileAccess, "the model could not be written; check the folder and the free space", at: directory,
                cause: error)
        }
        return form.notes
    }
}

extension ModelDescription {
    /// Whether the weights of the model folder are already those of `target`: the same names, and nothing interpolated.
    public func hasWeights(of target: ExportTarget) -> Bool {
        guard let storage else { return false }
        return target.hasNaming(storage.naming) && storage.positionInterpolation == nil
    }
}

extension WeightTarget {
    /// The values, given in our order, in the order of a foreign tensor.
    func foreignValues(_ source: [Float], _ arrangement: ForeignNaming.Arrangement) -> [Float] {
        let groupCount: Int
        switch arrangement {
        case .same: return source
        case .transposed, .depthwise: groupCount = 1
        case .channelsSecond: groupCount = shape[0]
        }
        let columnCount = arrangement == .transposed ? shape[1] : shape[shape.count - 1]
        let rowCount = source.count / groupCount / columnCount
        var result: [Float] = []
        result.reserveCapacity(source.count)
        for group in 0..<groupCount {
            let start = group * rowCount * columnCount
            for column in 0..<columnCount {
                for row in 0..<rowCount { result.append(source[start + row * columnCount + column]) }
            }
        }
        return result
    }
}
