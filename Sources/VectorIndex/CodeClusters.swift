import CKernels

/// Centroids of rows that are known by their codes, and which one is nearest to a row.
///
/// Distances are those of the 4-bit readings of the rows to centroids of 8 bits an element, from exact integer sums: they are
/// the same on every machine, and near enough to the true ones to group rows.
struct CodeClusters: Sendable {
    /// D.
    let width: Int
    /// K.
    private(set) var count: Int
    /// [K, D], the centroids without the mean of the codec, rotated, in steps.
    private var elements: [Int8]
    private var steps: [Float] = []
    /// 7.5 times the sum of a centroid's elements, which the upper halves of codes have too much.
    private var offsets: [Float] = []
    /// Half the squared length of each centroid.
    private var penalties: [Float] = []

    /// - Parameter centroids: [K, D].
    init(_ centroids: [Float], width: Int) {
        precondition(
            width >= 64 && centroids.count % width == 0, "CodeClusters: \(centroids.count) elements of \(width)")
        self.width = width
        count = centroids.count / width
        elements = [Int8](repeating: 0, count: centroids.count)
        for cluster in 0..<count {
            var largest: Float = 0
            for index in cluster * width..<(cluster + 1) * width { largest = max(largest, abs(centroids[index])) }
            let step = largest / 127
            var sum = 0
            var squared = 0
            for index in cluster * width..<(cluster + 1) * width where step > 0 {
                let number = Int((centroids[index] / step).rounded())
                elements[index] = Int8(clamping: number)
                sum += number
                squared += number * number
            }
            steps.append(step)
            offsets.append(Float(7.5 * Double(sum) * Double(step)))
            penalties.append(Float(0.5 * Double(squared) * Double(step) * Double(step)))
        }
    }

    /// Some of the clusters, in the order given.
    func keeping(_ kept: [Int]) -> CodeClusters {
        var result = self
        result.elements = kept.flatMap { elements[$0 * width..<($0 + 1) * width] }
        result.steps = kept.map { steps[$0] }
        result.offsets = kept.map { offsets[$0] }
        result.penalties = kept.map { penalties[$0] }
        result.count = kept.count
        return result
    }

    /// The nearest cluster of each row.
    func nearest(to codes: RowCodes) -> [UInt32] {
        let rowCount = codes.factors.count
        precondition(codes.width == width || rowCount == 0, "nearest: codes of \(codes.width), centroids of \(width)")
        var nearest = [UInt32](repeating: 0, count: rowCount)
        var best = [Float](repeating: -.infinity, count: rowCount)
        let scales = codes.factors.map { Float(half: $0.scale4) }
        let stride = SegmentFormat.groupRowCount
        var dots = [Int32](repeating: 0, count: ScanBuffers.queryCount * stride)
        for row in Swift.stride(from: 0, to: rowCount, by: stride) {
            let length = min(stride, rowCount - row)
            for first in Swift.stride(from: 0, to: count, by: ScanBuffers.queryCount) {
                let number = min(ScanBuffers.queryCount, count - first)
                // codes.high: D / 2 bytes a row; elements: D a cluster; dots: [64, 256]; the others a number for each row or
                // cluster. All ranges are inside.
                unsafe codes.high.withUnsafeBufferPointer { high in
                    unsafe elements.withUnsafeBufferPointer { elements in
                        guard let high = high.baseAddress, let elements = elements.baseAddress else { return }
                        unsafe vlm_nibble_dots(
                            vlm_scan_level(), elements + first * width, number, high + row * width / 2, length, width,
                            &dots, stride)
                    }
                }
                unsafe nearest.withUnsafeMutableBufferPointer { nearest in
                    unsafe best.withUnsafeMutableBufferPointer { best in
                        unsafe scales.withUnsafeBufferPointer { scales in
                            guard let nearest = nearest.baseAddress, let best = best.baseAddress,
                                let scales = scales.baseAddress
                            else { return }
                            unsafe vlm_nearest_clusters(
                                dots, stride, number, Array(steps[first..<first + number]),
                                Array(offsets[first..<first + number]), Array(penalties[first..<first + number]),
                                scales + row, length, UInt32(first), nearest + row, best + row)
                        }
                    }
                }
            }
        }
        return nearest
    }

    // MARK: Training

    private static let iterationCount = 8

    /// Clusters of a sample of rows: Lloyd's algorithm, begun with rows spread evenly over the sample. A cluster that is left
    /// without rows takes half of the largest. At most one cluster a row.
    init(ofSample sample: RowCodes, count: Int) {
        let width = sample.width
        let rowCount = sample.factors.count
        let clusterCount = max(1, min(count, rowCount))
        var sums = [Float](repeating: 0, count: clusterCount * width)
        for cluster in 0..<clusterCount where rowCount > 0 {
            sample.add(row: cluster * rowCount / clusterCount, to: &sums, at: cluster)
        }
        var clusters = CodeClusters(sums, width: width)
        for _ in 0..<Self.iterationCount where clusterCount > 1 {
            let nearest = clusters.nearest(to: sample)
            sums = [Float](repeating: 0, count: clusterCount * width)
            var counts = [Int](repeating: 0, count: clusterCount)
            for row in 0..<rowCount {
                counts[Int(nearest[row])] += 1
                sample.add(row: row, to: &sums, at: Int(nearest[row]))
            }
            for cluster in 0..<clusterCount where counts[cluster] > 1 {
                let scale = 1 / Float(counts[cluster])
                for index in cluster * width..<(cluster + 1) * width { sums[index] *= scale }
            }
            Self.refill(&sums, &counts, width: width)
            clusters = CodeClusters(sums, width: width)
        }
        self = clusters
    }

    /// Puts empty clusters beside the largest ones, which they then share.
    private static func refill(_ centroids: inout [Float], _ counts: inout [Int], width: Int) {
        for empty in counts.indices where counts[empty] == 0 {
            guard let largest = counts.indices.max(by: { counts[$0] < counts[$1] }), counts[largest] > 1 else { return }
            for index in 0..<width {
                let value = centroids[largest * width + index]
                let shift = (index % 2 == 0 ? 1 : -1) * 1e-3 * (abs(value) + 1e-4)
                centroids[empty * width + index] = value + shift
                centroids[largest * width + index] = value - shift
            }
            counts[empty] = counts[largest] / 2
            counts[largest] -= counts[empty]
        }
    }
}

extension RowCodes {
    /// Adds what the code of a row says, without the mean, to vector `position` of `sums` [.., D].
    func add(row: Int, to sums: inout [Float], at position: Int) {
        let half = width / 2
        precondition(
            row < factors.count && (position + 1) * width <= sums.count && (row + 1) * half <= high.count,
            "add: row \(row) of \(factors.count)")
        let scale = low.isEmpty ? Float(half: factors[row].scale4) : factors[row].scale8
        unsafe high.withUnsafeBufferPointer { high in
            unsafe low.withUnsafeBufferPointer { low in
                unsafe sums.withUnsafeMutableBufferPointer { sums in
                    guard let from = high.baseAddress, let to = sums.baseAddress else { return }
                    // D / 2 bytes of each half and D sums, as just checked; `low` has as many rows as `high`, or none.
                    unsafe vlm_add_code(
                        from + row * half, low.isEmpty ? nil : low.baseAddress.map { unsafe $0 + row * half }, width,
                        scale, to + position * width)
                }
            }
        }
    }
}
