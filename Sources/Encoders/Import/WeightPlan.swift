import ByteFormats
import Kernels

/// The tensors of a checkpoint matched with the parameters they become: everything a load does, before it reads a weight.
///
/// Matching reports all problems together. A tensor has the shape that the table declares; extents of 1 more or fewer do not
/// change the order of its elements and are reported as reshaped.
struct WeightPlan: Sendable {
    /// One tensor and the parameters that it becomes.
    struct Step: Sendable {
        let place: ForeignTensors.Place
        let arrangement: ForeignNaming.Arrangement
        let target: WeightTarget
        /// The kernel and the side of the stored grid, for position embeddings of another one.
        let interpolation: (kernel: PositionInterpolation, gridSize: Int)?
        /// What other tensors do to the parameters afterwards, and those tensors.
        var folding: (rule: ForeignNaming.Folding.Rule, places: [ForeignTensors.Place])?
    }

    /// In the order of the table.
    private(set) var steps: [Step] = []
    /// Tensors taken although their shape differs from the table's.
    private(set) var reshapedTensors: [String] = []
    /// Tensors that no row of the table names, sorted.
    private(set) var otherTensors: [String] = []
    /// Missing and misshapen tensors.
    private(set) var problems: [String] = []

    /// Matches `tensors` with the rows of a table.
    init(
        _ tensors: ForeignTensors, rows: [ForeignNaming.Row], _ architecture: DualEncoderArchitecture,
        interpolation: PositionInterpolation?
    ) {
        var taken: Set<String> = []
        for row in rows {
            guard let tensor = row.tensors.first(where: { tensors[$0.name] != nil }), let place = tensors[tensor.name]
            else {
                problems.append("'\(row.tensors[0].name)' is missing")
                continue
            }
            taken.insert(tensor.name)
            let target = WeightTarget(row.parameters, in: architecture.layout)
            let (shape, expected) = (place.entry.shape, target.foreignShape(tensor.arrangement))
            var grid: Int?
            if shape.filter({ $0 != 1 }) != expected.filter({ $0 != 1 }) {
                if row.parameters == [PositionGrid.parameter], let interpolation,
                    let stored = PositionGrid.size(of: shape, in: architecture.configuration.vision)
                {
                    reshapedTensors.append(
                        "\(tensor.name) \(shape) interpolated to \(expected) (\(interpolation.rawValue))")
                    grid = stored
                } else {
                    problems.append("'\(tensor.name)' has shape \(shape), must be \(expected)")
                    continue
                }
            } else if shape != expected {
                reshapedTensors.append("\(tensor.name) \(shape) as \(expected)")
            }
            var step = Step(
                place: place, arrangement: tensor.arrangement, target: target,
                interpolation: grid.flatMap { size in interpolation.map { ($0, size) } })
            if let folding = row.folding {
                let places = companions(folding, in: tensors, channelCount: target.shape[0])
                taken.formUnion(folding.tensors)
                step.folding = (folding.rule, places)
            }
            steps.append(step)
        }
        otherTensors = tensors.names.filter { !taken.contains($0) }
    }

    /// The tensors of a folding, each with one value per channel; what is missing or misshapen is a problem.
    private mutating func companions(
        _ folding: ForeignNaming.Folding, in tensors: ForeignTensors, channelCount: Int
    ) -> [ForeignTensors.Place] {
        folding.tensors.compactMap { name in
            guard let place = tensors[name] else {
                problems.append("'\(name)' is missing")
                return nil
            }
            if place.entry.shape != [channelCount] {
                problems.append("'\(name)' has shape \(place.entry.shape), must be \([channelCount])")
            }
            return place
        }
    }

    /// Throws one error with all `problems`, if there are any.
    func check(_ problems: [String], _ reason: String, at path: String) throws(EncodersError) {
        guard !problems.isEmpty else { return }
        let shown = problems.prefix(24).joined(separator: "; ")
        throw EncodersError(
            .weightMismatch, "\(shown)\(problems.count > 24 ? "; and \(problems.count - 24) more" : ""): \(reason)",
            at: path)
    }

    /// The parameters of `towers`, checked to be finite: those that the files hold as they are needed stay there, others are read as
    /// F32 into memory that holds nothing else. Other tensors are not touched.
    func map(_ towers: EncoderTowers) throws(EncodersError) -> InferenceWeights {
        var views: [InferenceWeights.View] = []
        var converted: [Step] = []
        for step in steps where towers.needs(step.target.name) {
            let stored = try step.reading { () throws(ByteFormatError) in try step.view() }
            if let stored {
                try step.check(stored.isFinite)
                views.append((step.target.range, stored))
            } else {
                converted.append(step)
            }
        }
        converted.sort { $0.target.range.lowerBound < $1.target.range.lowerBound }
        let memory = FloatBuffer(count: converted.map(\.target.range.count).reduce(0, +))
        var (filledCount, run) = (0, 0..<0)
        /// Parameters that follow each other in the layout do so in memory, and are one view.
        func endRun() {
            guard !run.isEmpty else { return }
            views.append((run, WeightRegion(FloatRegion(memory, offset: filledCount - run.count, count: run.count))))
        }
        for step in converted {
            let range = step.target.range
            let output = FloatRegion(memory, offset: filledCount, count: range.count)
            try step.check(try step.reading { () throws(ByteFormatError) in try step.fill(output) })
            if run.upperBound != range.lowerBound {
                endRun()
                run = range.lowerBound..<range.lowerBound
            }
            run = run.lowerBound..<range.upperBound
            filledCount += range.count
        }
        endRun()
        return InferenceWeights(views: views)
    }
}

/// The position embeddings of the image tower as a grid.
enum PositionGrid {
    static let parameter = "imageTower.positions"

    /// The side of the square grid that position embeddings of this shape are for; nil when they are for none.
    static func size(of shape: [Int], in vision: DualEncoderConfiguration.Vision) -> Int? {
        let extents = shape.filter { $0 != 1 }
        guard extents.count == 2, extents[1] == vision.width else { return nil }
        let count = extents[0] - prefixCount(vision)
        let size = Int(Double(count).squareRoot())
        return size >= 1 && size * size == count ? size : nil
    }

    /// Tokens before the patches, which have positions of their own.
    static func prefixCount(_ vision: DualEncoderConfiguration.Vision) -> Int { vision.hasClassToken ? 1 : 0 }
}

/// Parameters that follow each other in the layout and come from one tensor.
struct WeightTarget: Sendable {
    /// The first parameter's path.
    let name: String
    let range: Range<Int>
    /// Of the parameters joined along the first axis.
    let shape: [Int]
    /// Whether inference takes all of them in 16 bits as well.
    let mayBeHalf: Bool

    /// Traps when a name is no parameter or the parameters are apart: the table is wrong.
    init(_ names: [String], in layout: ParameterLayout) {
        let entries = names.map { name in
            guard let entry = layout[name] else { preconditionFailure("the table names no parameter: \(name)") }
            return entry
        }
        for (entry, next) in zip(entries, entries.dropFirst()) {
            precondition(entry.range.upperBound == next.offset, "\(entry.name) and \(next.name) are apart")
        }
        let first = entries[0]
        name = first.name
        mayBeHalf = entries.allSatisfy(\.mayBeHalf)
        range = first.offset..<entries[entries.count - 1].range.upperBound
        shape = names.count == 1 ? first.shape : [first.shape[0] * names.count] + first.shape.dropFirst()
    }

    /// The shape that a tensor of this arrangement must have.
    func foreignShape(_ arrangement: ForeignNaming.Arrangement) -> [Int] {
        switch arrangement {
        case .same: shape
        case .transposed: [shape[1], shape[0]]
        case .channelsSecond: [shape[0], shape[3], shape[1], shape[2]]
        case .depthwise: [shape[2], 1, shape[0], shape[1]]
        }
    }
}
