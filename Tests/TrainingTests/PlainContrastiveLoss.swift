import Glibc
import Training

/// The plain twin of `ContrastiveLoss`: the definition, in Double, one element after the other.
struct PlainContrastiveLoss {
    let rowCount: Int
    let dimension: Int
    let targets: [[Double]]

    init(rowCount: Int, dimension: Int, imageGroups: [UInt64], textGroups: [UInt64]) {
        self.rowCount = rowCount
        self.dimension = dimension
        targets = (0..<rowCount).map { row in
            let matches = (0..<rowCount).map {
                imageGroups[$0] == imageGroups[row] || textGroups[$0] == textGroups[row]
            }
            let mass = 1 / Double(matches.count(where: \.self))
            return matches.map { $0 ? mass : 0 }
        }
    }

    func loss(images: [Double], texts: [Double], logitScale: Double) -> Double {
        func product(_ i: Int, _ j: Int) -> Double {
            (0..<dimension).reduce(0) { $0 + images[i * dimension + $1] * texts[j * dimension + $1] }
        }
        let logits = (0..<rowCount).map { i in (0..<rowCount).map { j in exp(logitScale) * product(i, j) } }
        var sum = 0.0
        for i in 0..<rowCount {
            let row = logits[i]
            let column = logits.map { $0[i] }
            sum += crossEntropy(row, targets[i]) + crossEntropy(column, targets[i])
        }
        return sum / (2 * Double(rowCount))
    }

    private func crossEntropy(_ logits: [Double], _ target: [Double]) -> Double {
        let maximum = logits.reduce(-.infinity, max)
        let logSum = maximum + log(logits.reduce(0) { $0 + exp($1 - maximum) })
        return zip(logits, target).reduce(0) { $0 - $1.1 * ($1.0 - logSum) }
    }

    /// ∂loss/∂values[index] by a central difference.
    func difference(of values: [Double], at index: Int, _ loss: ([Double]) -> Double) -> Double {
        let step = 1e-5
        var above = values
        var below = values
        above[index] += step
        below[index] -= step
        return (loss(above) - loss(below)) / (2 * step)
    }
}
