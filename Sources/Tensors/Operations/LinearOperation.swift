import Kernels

extension Tape {
    /// y = x·Wᵀ + b + residual, W [outputWidth, x.columnCount], b [outputWidth].
    ///
    /// The residual, a value of y's shape, joins the product's accumulator: no pass of its own.
    public func linear(
        _ x: TapeValue, weight: ParameterSpan, bias: ParameterSpan? = nil, outputWidth: Int, residual: TapeValue? = nil
    ) -> TapeValue {
        LinearOperation.check(x, weight, bias, outputWidth)
        let y = allocate(x.rowCount, outputWidth)
        if let residual {
            precondition(
                residual.rowCount == y.rowCount && residual.columnCount == y.columnCount,
                "linear: residual [\(residual.rowCount), \(residual.columnCount)] for [\(y.rowCount), \(y.columnCount)]"
            )
        }
        LinearKernel.apply(
            region(of: x), weight: parameterRegion(weight), bias: bias.map(parameterRegion),
            residual: residual.map(region(of:)), into: region(of: y), rowCount: x.rowCount, inputWidth: x.columnCount,
            outputWidth: outputWidth)
        record(.linear(LinearOperation(x: x, weight: weight, bias: bias, residual: residual, output: y)))
        return y
    }
}

/// y = x·Wᵀ + b + r. With dy the gradient of y:
/// dW += dyᵀ·x, db += column sums of dy, dx = dy·W, dr = dy (handed on).
/// Keeps x (a value of the tape).
struct LinearOperation {
    let x: TapeValue
    let weight: ParameterSpan
    let bias: ParameterSpan?
    let residual: TapeValue?
    let output: TapeValue

    static func check(_ x: TapeValue, _ weight: ParameterSpan, _ bias: ParameterSpan?, _ outputWidth: Int) {
        precondition(
            weight.count == outputWidth * x.columnCount && (bias?.count ?? outputWidth) == outputWidth,
            "linear: weight of \(weight.count), bias of \(bias?.count ?? 0) for \(x.columnCount) → \(outputWidth)")
    }

    func backward(_ pass: BackwardPass) {
        guard let gradient = pass.gradient(of: output) else { return }
        Self.backward(pass, gradient: gradient, x: x, weight: weight, outputWidth: output.columnCount)
        if let bias {
            RowKernels.addColumnSums(
                of: gradient, to: pass.parameterGradient(bias), rowCount: output.rowCount,
                columnCount: output.columnCount)
        }
        if let residual {
            pass.hand(output, to: residual)
        } else {
            pass.release(output)
        }
    }

    /// dW += dyᵀ·x and dx (= or +=) dy·W.
    static func backward(
        _ pass: BackwardPass, gradient: FloatRegion, x: TapeValue, weight: ParameterSpan, outputWidth: Int
    ) {
        MatrixProduct.multiply(
            gradient, isLeftTransposed: true, by: pass.tape.region(of: x), into: pass.parameterGradient(weight),
            rowCount: outputWidth, columnCount: x.columnCount, depth: x.rowCount, beta: 1)
        if let target = pass.target(for: x) {
            MatrixProduct.multiply(
                gradient, by: pass.tape.parameterRegion(weight), into: target.region, rowCount: x.rowCount,
                columnCount: x.columnCount, depth: outputWidth, beta: target.isFresh ? 0 : 1)
        }
    }
}
