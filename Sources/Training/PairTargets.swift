/// Which images and captions of a batch belong together, and so share the target mass of the contrastive loss.
///
/// Row i of a batch is a pair (image i, caption i). Image i and caption j match when i = j, when the two captions are equal
/// or when the two images are equal. The relation is symmetric, so the text-to-image targets are the transpose of the
/// image-to-text targets: 1 / (number of matches of the row) for a match and 0 otherwise.
///
/// Without this, two pictures of one caption in a batch would be pushed away from their own caption.
public struct PairTargets: Sendable, Equatable {
    /// The number of rows N.
    public let rowCount: Int
    private let starts: [Int]
    private let columns: [Int]

    /// Finds the matches; expected time and memory are linear in the number of matches.
    ///
    /// - Parameters:
    ///   - imageGroups: one number per row, equal for equal images.
    ///   - textGroups: one number per row, equal for equal captions.
    public init(imageGroups: [UInt64], textGroups: [UInt64]) {
        precondition(
            imageGroups.count == textGroups.count,
            "PairTargets: \(imageGroups.count) image groups, \(textGroups.count) text groups")
        rowCount = imageGroups.count
        let byImage = Dictionary(grouping: imageGroups.indices, by: { imageGroups[$0] })
        let byText = Dictionary(grouping: textGroups.indices, by: { textGroups[$0] })
        var starts = [0]
        var columns: [Int] = []
        for row in 0..<rowCount {
            let sameImage = byImage[imageGroups[row]] ?? []
            let sameText = byText[textGroups[row]] ?? []
            if sameImage.count == 1 {
                columns.append(contentsOf: sameText)
            } else if sameText.count == 1 {
                columns.append(contentsOf: sameImage)
            } else {
                columns.append(contentsOf: Set(sameImage).union(sameText).sorted())
            }
            starts.append(columns.count)
        }
        self.starts = starts
        self.columns = columns
    }

    /// The columns that match a row, ascending; the row itself is among them.
    public func matches(ofRow row: Int) -> ArraySlice<Int> {
        columns[starts[row]..<starts[row + 1]]
    }

    /// The target of each of the row's matches.
    public func mass(ofRow row: Int) -> Double {
        1 / Double(starts[row + 1] - starts[row])
    }
}
