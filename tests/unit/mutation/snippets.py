"""Statements to put anywhere: the whole language, IPython's, and what is no Python."""

from __future__ import annotations

# Parted by blank lines.
_STATEMENTS = r"""
import os

import a.b.c as d

from x import *

from . import utils

import torch.nn

from utils import read

from helpers import more

from __future__ import annotations

x = 1

x += 1

x: int

x: int = 2

x = y = z = 0

x, *y = [1, 2, 3]

(x) = 1

x[0] = 1

x.a.b = 2

x['a'] += 1

x.append(y)

del x

del x.a, x[0]

global x

return x

yield x

await x

break

continue

pass

raise

assert x, y

...

if (y := x) > 1:
    z = y

while x: x -= 1

for x in y: pass
else: z = 1

with open('a') as f, g() as (h, i):
    x = f.read()

async def f(): return await g()

try:
    import a
except ImportError:
    a = None

try: x
finally: y = 1

def f(a, /, b=x, *c, d: int = 1, **e) -> y:
    return locals()

f = lambda x, *y: x + z

class A(B, metaclass=C):
    x = y
    def f(self): return __class__, super().f()

@decorated(x)
@other
def f():
    global z
    z = 1

exec('x = 1')

eval(x)

[x for x in y if x for z in x]

{k: v for k, v in x.items()}

sum(i for i in range(3))

print(f'{x=} {y!r:>{z}}')

match x:
    case [1, *y]: z = y
    case A(b=c): z = c

input('?')

globals()['x'] = 1

model = None

model = model.cuda()

model.fc = nn.X()

torch.manual_seed(0)

loss.backward()

optimizer.step()

model.eval()

plt.show()

%matplotlib inline

!pip install numpy==1.26

x = !ls

%%bash

obj?

%time x = f()

display(x)

get_ipython().run_line_magic('x', '')

requests.get('https://x.org')

TOKEN = 'hf_abcdefghijklmnopqrst'

open('/home/me/x.csv').read()

x = 1; y = 2

#

type X = int

x = 'a' 'b' f'{y}'

x = '''
a
  b'''

x = (
  1,
)

x = \
  1

model = Net().to(device)

train(model, loader)

def train(model, loader): pass

(yield)

def load_data(path): return 1

class Model(nn.Module): pass

x = x

x = lambda: (yield)

for model in models: model.train()

models = [nn.Linear(1, 1), nn.Linear(1, 1)]

if __name__ == '__main__':
    x = 1

if __name__ == '__main__': main()

x = -1

x = ...

nonlocal x

print >>f, x

print 'x'

x = 1 if y else

def

é = 'ü'
"""
STATEMENTS = (*_STATEMENTS.strip("\n").split("\n\n"), "\x0c", "\ufeffx = 1")
