"""python -m trainers"""

from trainers.cli import main
from trainers.ending import end

if __name__ == "__main__":
    end(main())
